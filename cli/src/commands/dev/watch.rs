//! Changes in a project's folder, put together to one when many come at once.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use notify::event::EventKind;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// An editor that saves makes several events, and a checkout many.
const QUIET: Duration = Duration::from_millis(150);
/// Changes that never end are built now and then all the same.
const MOST: Duration = Duration::from_secs(2);
/// What builds and tools write.
const IGNORED_FOLDERS: [&str; 5] = ["target", "node_modules", ".git", ".hookd", "__pycache__"];

/// The changes of one folder.
pub struct Changes {
    root: PathBuf,
    watcher: RecommendedWatcher,
    watched: HashSet<PathBuf>,
    changed: watch::Receiver<()>,
}

impl Changes {
    /// Begins to watch.
    ///
    /// # Errors
    /// When the system refuses: usually there are too many watches.
    pub fn watch(root: &Path) -> anyhow::Result<Self> {
        let root = root.canonicalize().with_context(|| format!("cannot enter `{}`", root.display()))?;
        let (tell, changed) = watch::channel(());
        let of_callback = root.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            // Nobody reading any more is the end of the program.
            Ok(event) if matters(&event, &of_callback) => drop(tell.send(())),
            Ok(_) => {}
            // Events were lost; what they were about may matter.
            Err(_) => drop(tell.send(())),
        })
        .context("cannot watch files")?;
        let mut changes = Self { root, watcher, watched: HashSet::new(), changed };
        changes.cover().with_context(|| format!("cannot watch `{}`", changes.root.display()))?;
        Ok(changes)
    }

    /// What changed before this is being dealt with.
    pub fn begin(&mut self) {
        if let Err(error) = self.cover() {
            tracing::warn!(%error, "some folders of the project are not watched");
        }
        self.changed.mark_unchanged();
    }

    /// Waits for a change since [`Changes::begin`], and until no more come.
    pub async fn next(&mut self) {
        if self.changed.changed().await.is_err() {
            // The watcher lives as long as this does; were it gone, nothing would ever change.
            return std::future::pending().await;
        }
        let most = Instant::now() + MOST;
        while timeout_at(most, timeout(QUIET, self.changed.changed())).await.is_ok_and(|more| more.is_ok()) {}
    }

    /// Folder by folder, without those that builds write to: each costs the system a watch, and `target` has thousands.
    fn cover(&mut self) -> notify::Result<()> {
        if self.watched.insert(self.root.clone()) {
            self.watcher.watch(&self.root, RecursiveMode::NonRecursive)?;
        }
        let folders = std::fs::read_dir(&self.root)?.filter_map(Result::ok).map(|entry| entry.path());
        for folder in folders.filter(|path| path.is_dir() && !is_ignored(path, &self.root)).collect::<Vec<_>>() {
            if self.watched.insert(folder.clone()) {
                self.watcher.watch(&folder, RecursiveMode::Recursive)?;
            }
        }
        Ok(())
    }
}

fn matters(event: &Event, root: &Path) -> bool {
    !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(|path| !is_ignored(path, root))
}

fn is_ignored(path: &Path, root: &Path) -> bool {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let ignored_folder = |name: &OsStr| IGNORED_FOLDERS.iter().any(|ignored| name == *ignored);
    let of_editor = inside
        .file_name()
        .and_then(OsStr::to_str)
        .is_some_and(|name| name.starts_with('.') || name.ends_with('~') || name.ends_with(".swp") || name == "4913");
    // Cargo writes its lock file while it builds.
    of_editor || inside == Path::new("Cargo.lock") || inside.iter().any(ignored_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_matter_and_what_tools_write_does_not() {
        let root = Path::new("/project");
        for path in ["src/lib.rs", "Cargo.toml", "sample.json", "src/deep/er.rs", "targets/a.rs"] {
            assert!(!is_ignored(&root.join(path), root), "{path}");
        }
        for path in ["target/debug/x", ".git/index", "src/.lib.rs.swp", "src/lib.rs~", "src/4913", "Cargo.lock"] {
            assert!(is_ignored(&root.join(path), root), "{path}");
        }
        // The folder that the project lies in is none of its own.
        let inside = Path::new("/target/project");
        assert!(!is_ignored(&inside.join("src/lib.rs"), inside));
    }

    #[tokio::test]
    async fn a_change_is_told_also_in_a_new_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::create_dir(folder.path().join("target")).unwrap();
        let mut changes = Changes::watch(folder.path()).unwrap();
        changes.begin();
        std::fs::write(folder.path().join("src/lib.rs"), "1").unwrap();
        changes.next().await;
        std::fs::create_dir(folder.path().join("more")).unwrap();
        changes.next().await;
        changes.begin();
        std::fs::write(folder.path().join("more/lib.rs"), "1").unwrap();
        changes.next().await;
        changes.begin();
        std::fs::write(folder.path().join("target/x"), "1").unwrap();
        assert!(timeout(Duration::from_millis(200), changes.next()).await.is_err(), "what builds write is no change");
    }
}
