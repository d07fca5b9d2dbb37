//! The data folder: the lock of its process, and the key of the installation in it.

mod permissions;

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use api_types::Connection;
use hookd_runtime::{UnusableKey, generate_key, usable_key};

use crate::error::{ConfigError, ServerError, Step as _};

const ADMIN_KEY_FILE: &str = "admin.key";

/// A part of the server. Each keeps files of its own in the data folder, so that both may use the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Runs modules.
    Engine,
    /// Serves clients.
    ImCore,
}

impl Part {
    fn lock_file(self) -> &'static str {
        match self {
            Self::Engine => "engine.lock",
            Self::ImCore => "im.lock",
        }
    }

    fn users(self) -> &'static str {
        match self {
            Self::Engine => "another `hookd up` or `hookd engine`",
            Self::ImCore => "another `hookd up` or `hookd im`",
        }
    }
}

/// A data folder in use.
pub struct DataFolder {
    path: PathBuf,
    // Held for the life of the process: two servers on one folder would overwrite each other.
    _locks: Vec<File>,
}

impl DataFolder {
    /// Creates the folder when it is missing, and claims it for these parts.
    ///
    /// # Errors
    /// Another process has claimed it, or the folder cannot be written.
    pub fn open(path: &Path, parts: &[Part]) -> Result<Self, ServerError> {
        if path.exists() && !path.is_dir() {
            let problem = format!("`{}` is not a directory", path.display());
            return Err(ConfigError::new(problem, "give another place for the data folder with --data").into());
        }
        // Keys and messages are in it: only the owner may read it.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| not_ours(&format!("cannot create the data folder `{}`", path.display()), error))?;
        create_no_other();
        permissions::close_to_others(path)?;
        let locks = parts.iter().map(|part| lock(path, *part)).collect::<Result<_, ServerError>>()?;
        Ok(Self { path: path.canonicalize()?, _locks: locks })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The admin key of the installation: the one given, else the one kept here, else a new one that is kept from now on.
    pub fn admin_key(&self, given: Option<String>) -> Result<String, ServerError> {
        if let Some(key) = given {
            return Ok(key);
        }
        let path = self.path.join(ADMIN_KEY_FILE);
        if let Some(key) = kept_key(&path)? {
            return Ok(key);
        }
        // A folder from before this file was: its key is in the connection.
        let saved = Connection::load(&self.path)?.map(|saved| saved.admin_key).filter(|key| !key.is_empty());
        let key = saved.unwrap_or_else(generate_key);
        let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
        file.write_all(key.as_bytes())?;
        // A temporary file is private (0600). The engine and the IM core may start together: the first one's key counts.
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(key),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => kept_key(&path)?.ok_or_else(|| {
                ServerError::Missing(format!("`{}` was deleted during the start; start again", path.display()))
            }),
            Err(error) => Err(error).step(|| format!("cannot write `{}`", path.display())),
        }
    }
}

/// Lets this process create files and folders that only its user may use, also when a library creates them.
pub fn create_no_other() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

fn kept_key(path: &Path) -> Result<Option<String>, ServerError> {
    let unusable = |unusable: UnusableKey| {
        let problem = format!("the admin key in `{}` {unusable}", path.display());
        ConfigError::new(problem, "delete the file, and the next start makes a new admin key")
    };
    match std::fs::read_to_string(path) {
        Ok(key) => Ok(Some(usable_key(&key).map_err(unusable)?.to_owned())),
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(unusable(UnusableKey::Unprintable).into()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).step(|| format!("cannot read `{}`", path.display())),
    }
}

/// A refused permission gets a hint that names the right user.
fn not_ours(problem: &str, error: std::io::Error) -> ServerError {
    if error.kind() != ErrorKind::PermissionDenied {
        return ServerError::failed(problem, error);
    }
    let hint = "run hookd as the user who owns it, or give another folder with --data";
    ConfigError::new(format!("{problem}: {error}"), hint).into()
}

fn lock(folder: &Path, part: Part) -> Result<File, ServerError> {
    let lock = File::create(folder.join(part.lock_file()))
        .map_err(|error| not_ours(&format!("cannot write in the data folder `{}`", folder.display()), error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            let problem = format!("{} uses the data folder `{}`", part.users(), folder.display());
            Err(ConfigError::new(problem, "stop it, or give another folder with --data").into())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).step(|| format!("cannot lock the data folder `{}`", folder.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DataFolder, Part};

    #[test]
    fn both_parts_may_share_a_folder_and_its_key_and_no_part_twice() {
        let folder = tempfile::tempdir().unwrap();
        let engine = DataFolder::open(folder.path(), &[Part::Engine]).unwrap();
        let im = DataFolder::open(folder.path(), &[Part::ImCore]).unwrap();
        let key = engine.admin_key(None).unwrap();
        assert_eq!(im.admin_key(None).unwrap(), key);
        assert_eq!(im.admin_key(Some("given-key".to_owned())).unwrap(), "given-key");
        assert!(DataFolder::open(folder.path(), &[Part::Engine, Part::ImCore]).is_err());
    }
}
