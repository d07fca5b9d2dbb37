//! Permissions of a data folder: it holds keys and messages, so only its owner may read it.

use std::fs::{self, Metadata, Permissions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::error::{ConfigError, ServerError};

/// What servers write there beside the engine's folder. hookd does not change other files.
const FILES: [&str; 11] = [
    "admin.key",
    "connection.json",
    "deletions.json",
    "directory.json",
    "engine.json",
    "engine.lock",
    "im.db",
    "im.db-shm",
    "im.db-wal",
    "im.lock",
    "node",
];

/// The engine's own, with all that is in it.
const ENGINE: &str = "engine";

/// Permissions of the group and of all other users.
const OF_OTHERS: u32 = 0o077;

/// In such a folder all users may create files.
const STICKY: u32 = 0o1000;

/// Takes the folder, and what servers left in it before, from all others. Says so when there was something to take.
///
/// # Errors
/// The folder is shared by all users, such as `/tmp`.
pub(super) fn close_to_others(folder: &Path) -> Result<(), ServerError> {
    let metadata = folder.metadata()?;
    if metadata.permissions().mode() & STICKY != 0 {
        let problem = format!("`{}` is a folder for all users of the machine", folder.display());
        return Err(ConfigError::new(problem, "give a folder of hookd's own with --data").into());
    }
    if is_open(&metadata) {
        let (shown, mode) = (folder.display(), metadata.permissions().mode() & 0o777);
        match close(folder, &metadata) {
            Ok(()) => tracing::warn!("others could enter the data folder `{shown}` (mode {mode:o}): it is closed now"),
            Err(error) => tracing::warn!(
                %error,
                "others may enter the data folder `{shown}` (mode {mode:o}), and this user may not change that"
            ),
        }
    }
    FILES.iter().map(|file| folder.join(file)).for_each(|file| close_tree(&file));
    close_tree(&folder.join(ENGINE));
    Ok(())
}

/// Closes a file, or a folder with all that is in it. Links are not followed.
fn close_tree(path: &Path) {
    let closed = path.symlink_metadata().and_then(|metadata| {
        if is_open(&metadata) && !metadata.is_symlink() {
            close(path, &metadata)?;
        }
        if metadata.is_dir() {
            path.read_dir()?.filter_map(Result::ok).for_each(|entry| close_tree(&entry.path()));
        }
        Ok(())
    });
    match closed {
        Ok(()) => {}
        // Another server works in the folder.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, "others may read `{}`, and this user may not change that", path.display()),
    }
}

fn is_open(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & OF_OTHERS != 0
}

fn close(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    fs::set_permissions(path, Permissions::from_mode(metadata.permissions().mode() & !OF_OTHERS & 0o7777))
}
