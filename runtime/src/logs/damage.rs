//! Lines of an app's files that could not be read: counted and reported once, however often the log is read.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The damage that was found so far.
#[derive(Debug, Default)]
pub(super) struct Damage {
    /// By file, or the folder itself: the lines that were reported. Bounded by the files that there are.
    told: Mutex<BTreeMap<PathBuf, u64>>,
}

impl Damage {
    /// So many lines of a file are none. Answers how many of them are news.
    pub(super) fn lines(&self, file: &Path, lines: u64) -> u64 {
        if lines == 0 {
            return 0;
        }
        let mut told = self.told();
        let Some(before) = told.get_mut(file) else {
            told.insert(file.to_owned(), lines);
            drop(told);
            tracing::warn!(
                file = %file.display(), lines,
                "lines of a log file cannot be read: it is damaged; the others are shown, and it goes when its time is over"
            );
            return lines;
        };
        let news = lines.saturating_sub(*before);
        *before += news;
        news
    }

    /// A file, or the folder itself, cannot be opened or read.
    pub(super) fn unreadable(&self, path: &Path, error: &io::Error) {
        if self.told().insert(path.to_owned(), 0).is_none() {
            tracing::warn!(
                path = %path.display(), %error,
                "the log of functions cannot be read there; give it to the user that hookd runs as, or delete it"
            );
        }
    }

    /// Forgets files that were deleted.
    pub(super) fn forget_but(&self, there: impl Fn(&Path) -> bool) {
        self.told().retain(|path, _| there(path));
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<PathBuf, u64>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_news_once() {
        let damage = Damage::default();
        let counts = [("a", 0), ("a", 3), ("a", 3), ("a", 2), ("b", 1), ("a", 5)];
        let news = counts.map(|(file, lines)| damage.lines(Path::new(file), lines));
        assert_eq!(news, [0, 3, 0, 0, 1, 2]);
        damage.forget_but(|path| path != Path::new("a"));
        assert_eq!((damage.lines(Path::new("a"), 5), damage.lines(Path::new("b"), 1)), (5, 0));
    }
}
