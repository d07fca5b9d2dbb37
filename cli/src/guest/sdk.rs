//! The SDK's sources, carried in the binary so that `hookd new` needs nothing else.

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
        std::fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(root.join("hook-sdk/rust"))
}
