//! The SDK's sources, carried in the binary so that `hookd new` needs nothing else.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// `(path, text)` of every file, written by build.rs.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

/// Unpacks the SDK of this version into the user's data folder; answers the folder of the crate `hook-sdk`.
pub fn unpack(data: &Path) -> anyhow::Result<PathBuf> {
    let root = data.join("sdk").join(env!("CARGO_PKG_VERSION"));
    for (name, text) in FILES {
        let path = root.join(name);
        if std::fs::read(&path).is_ok_and(|present| present == text.as_bytes()) {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        }
        replace(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(root.join("hook-sdk/rust"))
}

/// In one step: another process may be compiling the SDK at this moment.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
