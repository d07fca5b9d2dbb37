//! `hookd backup`

mod engine;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use super::up::Up;
use crate::client::default_data_folder;
use crate::exit::InputError;
use crate::output;
use hookd_server::create_no_other;

/// The IM core's database.
const IM_DATABASE: &str = "im.db";
/// A data folder has at least one of them.
const DATABASES: [&str; 2] = [engine::DATABASE, IM_DATABASE];
/// Other files that cannot be made again; not every data folder has all. `directory.json` says which apps those in `im.db` are.
const FILES: [&str; 3] = ["admin.key", "hookd.toml", "directory.json"];
/// A server that writes holds a database for milliseconds.
const LOCKED_TIME: Duration = Duration::from_secs(10);

/// Copy a data folder, also while servers run on it.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  hookd backup --data /var/lib/hookd /var/backups/hookd-$(date +%F)

Copied are apps with their keys, versions, modules and settings, messages, and calls that wait; each database as it is at
one moment. Logs, machine code, what is in Redis and a PostgreSQL database (`--database-url`) are not: use pg_dump for that
one. To restore: stop hookd, put the copy where the data folder was, start hookd. The copy holds every key: keep it as you
keep those.")]
pub struct Backup {
    /// The folder of the copy; it must not exist yet.
    target: PathBuf,
    /// The data folder.
    #[arg(long, env = "HOOKD_DATA", default_value_os_t = default_data_folder())]
    data: PathBuf,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Backup {
    /// Copies; the target appears when the copy is complete.
    pub fn run(self) -> anyhow::Result<()> {
        if !DATABASES.iter().any(|database| self.data.join(database).is_file()) {
            let problem = format!("`{}` is not a data folder: it has no database", self.data.display());
            return Err(InputError::new(problem).hint("name it with --data").into());
        }
        if self.target.symlink_metadata().is_ok() {
            let problem = format!("`{}` is there already", self.target.display());
            return Err(InputError::new(problem).hint("give the name of a new folder").into());
        }
        create_no_other();
        let absolute = std::path::absolute(&self.target)?;
        let parent = absolute.parent().context("a backup needs a parent directory")?;
        if is_inside(parent, &self.data)? {
            let problem = format!("`{}` is inside the data folder `{}`", self.target.display(), self.data.display());
            return Err(InputError::new(problem).hint("give a folder outside of it, best on another disk").into());
        }
        // The owner's alone, and gone with an error; a rename makes it the backup.
        let unfinished = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o700))
            .prefix(".hookd-backup-")
            .tempdir_in(parent)
            .with_context(|| format!("cannot write in `{}`", parent.display()))?;
        let bytes = copy(&self.data, unfinished.path())?;
        fs::rename(unfinished.path(), &absolute)
            .with_context(|| format!("cannot create `{}`", self.target.display()))?;
        // The rename took it away.
        let _ = unfinished.keep();
        let database = self.database();
        if self.json {
            return output::json(&json!({"path": absolute, "bytes": bytes, "database_not_copied": database}));
        }
        let database = database.map(|address| format!("\nNot copied: the database `{address}`. Use pg_dump for it."));
        output::data(&format!(
            "Copied `{}` to `{}`: {bytes} bytes.{}",
            self.data.display(),
            self.target.display(),
            database.unwrap_or_default()
        ))
    }

    /// The database that holds the messages, when a server on this folder would use one.
    fn database(&self) -> Option<String> {
        // What is wrong with the options matters to the server, and not to a copy of what is there.
        let address = Up::as_configured(None, &self.data).ok()?.database().address().ok()??;
        Some(address.to_string())
    }
}

/// True when a new entry of `folder` would be in the data folder, whichever symbolic links lead there.
fn is_inside(folder: &Path, data: &Path) -> anyhow::Result<bool> {
    let real = |path: &Path| path.canonicalize().with_context(|| format!("cannot read `{}`", path.display()));
    let folder = real(folder)?;
    // The engine's part may be on another disk.
    let engine = data.join(engine::FOLDER);
    let parts = [Some(data), engine.exists().then_some(&*engine)];
    for part in parts.into_iter().flatten() {
        if folder.starts_with(real(part)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the size of the copy in bytes.
fn copy(data: &Path, target: &Path) -> anyhow::Result<u64> {
    let is_there = |database: &str| data.join(database).is_file();
    let mut bytes = 0;
    if is_there(engine::DATABASE) {
        bytes += engine::copy(data, target)?;
    }
    if is_there(IM_DATABASE) {
        bytes += snapshot(&data.join(IM_DATABASE), &target.join(IM_DATABASE))?;
    }
    for file in FILES {
        bytes += copy_file(&data.join(file), &target.join(file))?.unwrap_or_default();
    }
    Ok(bytes)
}

/// A copy of the database at one moment, without stopping its writers.
fn snapshot(database: &Path, target: &Path) -> anyhow::Result<u64> {
    let source = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .and_then(|source| source.busy_timeout(LOCKED_TIME).map(|()| source));
    let text = target.to_str().with_context(|| format!("`{}` is not valid UTF-8", target.display()))?;
    source
        .and_then(|source| source.execute("VACUUM INTO ?1", [text]))
        .with_context(|| format!("cannot copy the database `{}`", database.display()))?;
    sync(target)
}

/// Returns its size in bytes; `None` when it does not exist.
fn copy_file(file: &Path, target: &Path) -> anyhow::Result<Option<u64>> {
    match fs::copy(file, target) {
        Ok(_) => {
            // A copy takes over the permissions of its original.
            fs::set_permissions(target, fs::Permissions::from_mode(0o600))?;
            sync(target).map(Some)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot copy `{}`", file.display())),
    }
}

/// Returns the length.
fn sync(file: &Path) -> anyhow::Result<u64> {
    let synced = File::open(file).and_then(|file| file.sync_all().and_then(|()| file.metadata()));
    Ok(synced.with_context(|| format!("cannot write `{}`", file.display()))?.len())
}
