//! The files of one app's log: `<first id>.jsonl`, appended to until they are large or a day old, the oldest deleted.
//!
//! Nothing about them is kept in memory: an operator may delete any of them at any time.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::backwards::{self, Found};
use super::record;
use super::retention::LogRetention;
use super::ring::micros;

const SUFFIX: &str = ".jsonl";
/// An app's lines lie in about as many files; the bound on their bytes is kept with the precision of one file.
const SEGMENTS: u64 = 16;
/// A file takes lines no longer than this, so that an app that writes little loses its old lines in time.
const SEGMENT_AGE: Duration = Duration::from_secs(24 * 3_600);

/// One file.
#[derive(Debug)]
pub(super) struct Segment {
    /// Id of its first line, which is also about its time: no line in it is older.
    pub(super) first_id: u64,
    pub(super) path: PathBuf,
    bytes: u64,
}

/// The files of a folder, oldest first; other files are left alone. A folder that does not exist has none.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let first_id = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok());
        let Some(first_id) = first_id.filter(|&id| record::is_id(id)) else { continue };
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // It was its turn to be deleted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if metadata.is_file() {
            segments.push(Segment { first_id, path: entry.path(), bytes: metadata.len() });
        }
    }
    segments.sort_by_key(|segment| segment.first_id);
    Ok(segments)
}

/// Bytes at which a file takes no further lines. What is appended at once lies in one file, and should not be much more.
pub(super) fn full_bytes(retention: &LogRetention) -> u64 {
    retention.bytes_per_app / SEGMENTS
}

/// Appends `lines`, whose first has the id `first_id`, and deletes lines that are too many or too old.
pub(super) fn append(folder: &Path, first_id: u64, lines: &[u8], retention: &LogRetention) -> io::Result<()> {
    let segments = list(folder)?;
    let newest = segments.last().filter(|newest| {
        let age = first_id.saturating_sub(newest.first_id);
        newest.bytes < full_bytes(retention) && u128::from(age) < SEGMENT_AGE.as_micros()
    });
    // A file that cannot be opened or read any more takes no further lines; another one does.
    let mut file = match newest.map(|newest| open(&newest.path)) {
        Some(Ok(file)) => file,
        Some(Err(_)) | None => {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            open(&folder.join(format!("{first_id:020}{SUFFIX}")))?
        }
    };
    file.write_all(lines)?;
    prune(folder, retention)
}

/// Opens a file for appending; begins a new line in it where the last one has no end.
fn open(path: &Path) -> io::Result<File> {
    let mut file = File::options().read(true).append(true).create(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    if length > 0 {
        let mut last = [0];
        file.read_exact_at(&mut last, length - 1)?;
        // A process that was killed, or a full disk, may have left half a line.
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// Deletes the oldest files while there is too much, and those whose last line is too old. A file that cannot be deleted
/// leaves its turn to the next one; the first error is answered when all were tried.
pub(super) fn prune(folder: &Path, retention: &LogRetention) -> io::Result<()> {
    let segments = list(folder)?;
    let mut total: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let oldest_kept = micros(SystemTime::now().checked_sub(retention.age).unwrap_or(SystemTime::UNIX_EPOCH));
    let mut failed = Ok(());
    // No line of a file is younger than the first one of the next; of the newest file the lines end a day later.
    let ends = segments.iter().skip(1).map(|segment| segment.first_id).map(Some).chain([None]);
    for (segment, end) in segments.iter().zip(ends) {
        let day = u64::try_from(SEGMENT_AGE.as_micros()).unwrap_or(u64::MAX);
        let is_old = end.unwrap_or_else(|| segment.first_id.saturating_add(day)) < oldest_kept;
        let is_too_much = total > retention.bytes_per_app && end.is_some();
        if !is_old && !is_too_much {
            break;
        }
        match fs::remove_file(&segment.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => failed = failed.and(Err(error)),
            _ => total = total.saturating_sub(segment.bytes),
        }
    }
    failed
}

/// Id of the newest kept line; 0 when no line can be read.
pub(super) fn last_id(folder: &Path) -> u64 {
    /// A start does not search a damaged file to its beginning.
    const DAMAGED_LINES: usize = 64;
    let newest = list(folder).ok().and_then(|mut segments| segments.pop());
    newest.map_or(0, |newest| {
        let (mut last, mut damaged) = (newest.first_id, 0);
        // If it cannot be read, only the id of its first line is known.
        let _ = backwards::read(&newest.path, |found| match found {
            Found::TooLong => ControlFlow::Break(()),
            Found::Line(line) | Found::Unfinished(line) => match record::read(line) {
                Some(line) => {
                    last = line.id;
                    ControlFlow::Break(())
                }
                None if damaged == DAMAGED_LINES => ControlFlow::Break(()),
                None => {
                    damaged += 1;
                    ControlFlow::Continue(())
                }
            },
        });
        last
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<u64> {
        list(folder).unwrap().iter().map(|segment| segment.first_id).collect()
    }

    fn now() -> u64 {
        micros(SystemTime::now())
    }

    #[test]
    fn files_are_rotated_by_size_and_their_bytes_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let retention = LogRetention { bytes_per_app: 16_000, ..LogRetention::default() };
        let start = now();
        let line = [vec![b'x'; 499], vec![b'\n']].concat();
        for number in 0..100 {
            append(folder.path(), start + number, &line, &retention).unwrap();
        }
        let segments = list(folder.path()).unwrap();
        let bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
        assert!((15_000..=16_000).contains(&bytes), "{bytes}");
        assert_eq!(segments.last().unwrap().first_id, start + 98, "two lines a file");
    }

    #[test]
    fn files_are_rotated_and_deleted_by_age() {
        let folder = tempfile::tempdir().unwrap();
        let retention = LogRetention { age: Duration::from_secs(3 * 24 * 3_600), ..LogRetention::default() };
        let day = u64::try_from(SEGMENT_AGE.as_micros()).unwrap();
        let now = now();
        // As if each had been appended in its time: nothing is too old then.
        for days_ago in [9, 8, 2, 1, 0] {
            std::fs::write(folder.path().join(format!("{:020}{SUFFIX}", now - days_ago * day)), "\n").unwrap();
        }
        prune(folder.path(), &retention).unwrap();
        assert_eq!(
            names(folder.path()),
            [now - 8 * day, now - 2 * day, now - day, now],
            "lines of 8 days ago may be younger"
        );
        append(folder.path(), now + day, b"new\n", &retention).unwrap();
        assert_eq!(names(folder.path()).last(), Some(&(now + day)), "a day is over");
    }

    #[test]
    fn the_only_file_of_a_silent_app_is_deleted_when_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let retention = LogRetention { age: Duration::from_secs(24 * 3_600), ..LogRetention::default() };
        let path = folder.path().join(format!("{:020}{SUFFIX}", now() - 3 * 24 * 3_600 * 1_000_000));
        std::fs::write(path, "\n").unwrap();
        prune(folder.path(), &retention).unwrap();
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn half_a_line_does_not_spoil_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let id = now();
        let path = folder.path().join(format!("{id:020}{SUFFIX}"));
        std::fs::write(&path, "whole\nhal").unwrap();
        append(folder.path(), id + 1, b"next\n", &LogRetention::default()).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "whole\nhal\nnext\n");
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["notes.txt", "12.jsonl.gz", "abc.jsonl"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(folder.path().join("1.jsonl")).unwrap();
        assert!(names(folder.path()).is_empty());
        prune(folder.path(), &LogRetention { bytes_per_app: 0, ..LogRetention::default() }).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
    }
}
