//! The SDK's sources, carried in the binary so that `hookd new` needs nothing else.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::BuildError;

/// `(path, text)` of every file, written by build.rs.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

/// Unpacks the SDK of this version into the user's data folder; answers the folder of the crate `hook-sdk`.
pub fn unpack(data: &Path) -> Result<PathBuf, BuildError> {
    let root = data.join("sdk").join(env!("CARGO_PKG_VERSION"));
    for (name, text) in FILES {
        let path = root.join(name);
        if std::fs::read(&path).is_ok_and(|present| present == text.as_bytes()) {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(BuildError::file("create", folder))?;
        }
        replace(&path, text).map_err(BuildError::file("write", &path))?;
    }
    Ok(root.join("hook-sdk/rust"))
}

/// Names of the SDK's crates and of what they depend on, as their manifests say.
pub fn crate_names() -> Vec<String> {
    let manifests = FILES.iter().filter(|(path, _)| path.ends_with("Cargo.toml"));
    let tables = manifests.filter_map(|(_, text)| text.parse::<toml::Table>().ok());
    let names = tables.flat_map(|table| {
        let own = table.get("package").and_then(|package| package.get("name")?.as_str().map(str::to_owned));
        let targets = table.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
        let dependencies = std::iter::once(table.get("dependencies"))
            .chain(targets.map(|target| target.get("dependencies")))
            .filter_map(|dependencies| dependencies?.as_table());
        let others: Vec<String> = dependencies.flat_map(|dependencies| dependencies.keys().cloned()).collect();
        own.into_iter().chain(others)
    });
    names.collect()
}

/// In one step: another process may be compiling the SDK at this moment.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
