//! The data folder: its owner, its files, and the free space.

use std::fs::{File, TryLockError};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use api_types::Connection;

use super::Finding;

const FOLDER: &str = "data folder";
const DATABASES: &str = "databases";
/// Below that, a busy server fills the disk before the operator notices.
const LITTLE_ROOM_BYTES: u64 = 1 << 30;
/// Below that, SQLite fails soon.
const NO_ROOM_BYTES: u64 = 64 << 20;
/// A server that writes holds a database for milliseconds.
const LOCKED_TIME: Duration = Duration::from_secs(2);

pub(super) fn check(data: &Path) -> Vec<Finding> {
    let shown = data.display();
    let metadata = match data.metadata() {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            return vec![Finding::broken(
                FOLDER,
                format!("`{shown}` is not a directory"),
                "give another one with --data",
            )];
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return vec![of_future(data)],
        Err(error) => {
            return vec![Finding::broken(FOLDER, format!("`{shown}`: {error}"), "give a folder that you may enter")];
        }
    };
    let mode = metadata.permissions().mode() & 0o777;
    let permissions = if mode & 0o077 != 0 {
        let text = format!("`{shown}` holds keys and messages, and others may enter it (mode {mode:o})");
        Finding::broken(FOLDER, text, format!("chmod 700 '{shown}'"))
    } else if tempfile::tempfile_in(data).is_err() {
        Finding::broken(FOLDER, format!("nothing can be written in `{shown}`"), "run hookd as the user who owns it")
    } else {
        Finding::ok(FOLDER, format!("`{shown}` is yours alone"))
    };
    let mut findings = vec![permissions];
    findings.extend(room(data));
    findings.extend(locks(data));
    findings.push(connection(data));
    findings.extend(databases(data));
    findings
}

fn of_future(data: &Path) -> Finding {
    let parent = data.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("."));
    if tempfile::tempfile_in(parent).is_err() {
        let text = format!("`{}` is not there and cannot be created in `{}`", data.display(), parent.display());
        return Finding::broken(FOLDER, text, "give a folder with --data that you may write to");
    }
    Finding::ok(FOLDER, format!("`{}` is not there yet; `hookd up` creates it", data.display()))
}

fn room(data: &Path) -> Option<Finding> {
    let system = rustix::fs::statvfs(data).ok()?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let text = format!("{:.1} GiB free for `{}`", free as f64 / f64::from(1 << 30), data.display());
    Some(if free < NO_ROOM_BYTES {
        Finding::broken("disk", text, "free some space, or move the folder and give it with --data")
    } else if free < LITTLE_ROOM_BYTES {
        Finding::note("disk", text, "free some space before it is used up")
    } else {
        Finding::ok("disk", text)
    })
}

fn locks(data: &Path) -> Vec<Finding> {
    let parts = [("engine.lock", "engine"), ("im.lock", "IM core")];
    parts.into_iter().filter_map(|(file, part)| lock(&data.join(file), part)).collect()
}

fn lock(path: &Path, part: &str) -> Option<Finding> {
    let file = File::open(path).ok()?;
    Some(match file.try_lock_shared() {
        Ok(()) => Finding::ok("lock", format!("no {part} runs on the data folder")),
        Err(TryLockError::WouldBlock) => Finding::ok("lock", format!("an {part} runs on the data folder")),
        Err(TryLockError::Error(error)) => {
            let fix = "keep the data folder on a local disk: some network file systems have no locks";
            Finding::broken("lock", format!("the data folder cannot be locked: {error}"), fix)
        }
    })
}

fn connection(data: &Path) -> Finding {
    let path = data.join("connection.json");
    match Connection::load(data).map_err(anyhow::Error::new) {
        Ok(None) => Finding::ok("keys", "no server was started here yet"),
        Ok(Some(connection)) => {
            let mode = path.metadata().map_or(0, |file| file.permissions().mode() & 0o777);
            if mode & 0o077 != 0 {
                let text = format!("others may read the keys in `{}` (mode {mode:o})", path.display());
                return Finding::broken("keys", text, format!("chmod 600 '{}'", path.display()));
            }
            let keys = [&connection.app_key, &connection.master_key, &connection.hook_key, &connection.admin_key];
            if keys.iter().any(|key| key.is_empty()) {
                let text = format!("`{}` lacks a key", path.display());
                return Finding::broken("keys", text, "start `hookd up` again: it completes the file");
            }
            Finding::ok("keys", format!("`{}` has those of app `{}`", path.display(), connection.app_id))
        }
        Err(error) if is_forbidden(&error) => {
            Finding::broken("keys", format!("{error:#}"), "run hookd as the user who owns the data folder")
        }
        Err(error) => Finding::broken("keys", format!("{error:#}"), "delete the file and start `hookd up` again"),
    }
}

fn databases(data: &Path) -> Vec<Finding> {
    let names = ["engine/engine.db", "im.db"].into_iter();
    let present = names.map(|name| (name, data.join(name))).filter(|(_, path)| path.exists());
    let finding = |(name, path): (&str, std::path::PathBuf)| match schema_version(&path) {
        Ok(version) => Finding::ok(DATABASES, format!("`{name}` has schema {version}")),
        Err(error) => {
            let text = format!("`{}` cannot be read: {error}", path.display());
            Finding::broken(DATABASES, text, "run hookd as the user who owns it, or restore it from a backup")
        }
    };
    present.map(finding).collect()
}

/// Read as SQLite reads it: the newest version may still be in the log beside the file.
fn schema_version(path: &Path) -> rusqlite::Result<i64> {
    let database = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    database.busy_timeout(LOCKED_TIME)?;
    // The version alone would come from the header, which may be whole where the rest is not.
    database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    database.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn is_forbidden(error: &anyhow::Error) -> bool {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    kinds.into_iter().any(|kind| kind == std::io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn private_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        folder
    }

    fn broken(data: &Path) -> Vec<Finding> {
        check(data).into_iter().filter(|finding| finding.status == Status::Broken).collect()
    }

    #[test]
    fn an_empty_private_folder_is_fine() {
        assert!(broken(private_folder().path()).is_empty());
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_fine() {
        assert!(broken(&private_folder().path().join("new/hookd")).is_empty());
    }

    #[test]
    fn a_data_folder_that_others_may_enter_is_broken() {
        let folder = private_folder();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let found = broken(folder.path());
        assert!(found[0].fix.as_ref().unwrap().starts_with("chmod 700"), "{found:?}");
    }

    #[test]
    fn damaged_files_are_named() {
        let folder = private_folder();
        std::fs::write(folder.path().join("im.db"), "no database").unwrap();
        std::fs::write(folder.path().join("connection.json"), "{").unwrap();
        let found = broken(folder.path());
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].text.contains("connection.json") && found[1].text.contains("im.db"), "{found:?}");
    }
}
