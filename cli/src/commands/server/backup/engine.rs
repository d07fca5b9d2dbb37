//! The engine's part of a backup: its metadata, and every module that they name.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use rusqlite::{Connection, OpenFlags};

use super::{copy_file, snapshot};

pub(super) const FOLDER: &str = "engine";
pub(super) const DATABASE: &str = "engine/engine.db";
const MODULES: &str = "engine/modules";

/// Looks at the metadata until there is a copy of every module that they name. Each look leaves only modules to copy that are
/// newer than the look before, and releases collect the oldest.
const LOOKS: u32 = 10;

/// A module, and the version of an app that names it.
type Modules = BTreeMap<String, (String, u64)>;

/// Copies metadata whose modules are all copied too; returns the number of bytes.
///
/// # Errors
/// A module that is named is not there.
pub(super) fn copy(data: &Path, target: &Path) -> anyhow::Result<u64> {
    let (database, modules) = (target.join(DATABASE), target.join(MODULES));
    fs::create_dir_all(&modules)?;
    let mut last_missing = None;
    for _ in 0..LOOKS {
        let bytes = snapshot(&data.join(DATABASE), &database)?;
        let named = named(&database)?;
        match copy_modules(&named, &data.join(MODULES), &modules)? {
            None => return Ok(bytes + keep_only(&named, &modules)?),
            // A release may have collected it since the look.
            missing => last_missing = missing,
        }
        fs::remove_file(&database)?;
    }
    let (module, (app, version)) = last_missing.context("the metadata were never looked at")?;
    bail!(
        "version {version} of app `{app}` names the module `{module}`, which is not in `{}`; deploy the same module once more, \
         or put its file back from an earlier backup",
        data.join(MODULES).display()
    )
}

/// The modules that the metadata of a copy name.
fn named(database: &Path) -> anyhow::Result<Modules> {
    let read = || {
        let metadata = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut statement = metadata.prepare("SELECT module, app_id, number FROM versions ORDER BY app_id, number")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
        rows.collect::<rusqlite::Result<Modules>>()
    };
    read().with_context(|| format!("cannot read `{}`", database.display()))
}

/// Copies the modules that are not in the target yet; returns the last missing one.
fn copy_modules(named: &Modules, modules: &Path, target: &Path) -> anyhow::Result<Option<(String, (String, u64))>> {
    let mut missing = None;
    for (module, by) in named {
        let (file, copy) = (file(modules, module), file(target, module));
        // A module never changes.
        if !copy.is_file() && copy_file(&file, &copy)?.is_none() {
            missing = Some((module.clone(), by.clone()));
        }
    }
    Ok(missing)
}

/// Removes copies from earlier looks that nothing names any more; answers how many bytes the others have.
fn keep_only(named: &Modules, modules: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for copy in modules.read_dir()? {
        let copy = copy?.path();
        let is_named = copy.file_stem().and_then(|hash| hash.to_str()).is_some_and(|hash| named.contains_key(hash));
        if is_named {
            bytes += copy.metadata()?.len();
        } else {
            fs::remove_file(&copy)?;
        }
    }
    Ok(bytes)
}

fn file(modules: &Path, module: &str) -> std::path::PathBuf {
    modules.join(format!("{module}.wasm"))
}
