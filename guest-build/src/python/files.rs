//! What a build lays out for componentize-py: the SDK, the project, and its packages.

use std::fs;
use std::path::Path;

use crate::{BuildError, ProjectError};

/// `(path, text)` of every file, written by build.rs.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/python_files.rs"));
/// What componentize-py 0.25 itself was made with, in place of the contract's newer release of the same interfaces.
const WASI_OF_CONTRACT: &str = "0.2.12";
const WASI: &str = "0.2.4";
/// A project's own files, all together; they are in the memory of every instance.
const MAX_PROJECT_BYTES: u64 = 16 << 20;
/// Folders that are no part of what runs.
const SKIPPED: [&str; 6] = ["__pycache__", "node_modules", "target", "venv", "env", "site-packages"];

/// Writes the SDK's packages to `sdk` and the contract to `wit`.
pub(super) fn lay_out_sdk(sdk: &Path, wit: &Path) -> Result<(), BuildError> {
    for (name, text) in FILES {
        if let Some(name) = name.strip_prefix("hook-sdk/python/src/") {
            write(&sdk.join(name), text.as_bytes())?;
        } else if let Some(name) = name.strip_prefix("wit/0.2.0/") {
            write(&wit.join(name), text.replace(WASI_OF_CONTRACT, WASI).as_bytes())?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(BuildError::file("create", folder))?;
    }
    fs::write(path, bytes).map_err(BuildError::file("write", path))
}

/// Copies the project, without what begins with a dot and without other environments.
pub(super) fn copy_project(project: &Path, to: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(to).map_err(BuildError::file("create", to))?;
    let mut left = MAX_PROJECT_BYTES;
    copy(project, to, &mut left, 0)?.then_some(()).ok_or_else(|| {
        let problem = format!("`{}` has more than {} MiB of files", project.display(), MAX_PROJECT_BYTES >> 20);
        ProjectError::new(problem).hint("all files go into the module: keep only what hooks read in the folder").into()
    })
}

/// Copies installed packages: all of them, whatever they are named.
pub(super) fn copy_packages(packages: &Path, to: &Path) -> Result<(), BuildError> {
    fs::create_dir_all(to).map_err(BuildError::file("create", to))?;
    for entry in fs::read_dir(packages).map_err(BuildError::file("read", packages))? {
        let path = entry.map_err(BuildError::file("read", packages))?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_packages(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(BuildError::file("read", &path))?;
        }
    }
    Ok(())
}

/// Folders in folders; a link to a folder above would go on for ever.
const MAX_DEPTH: u32 = 32;

/// False when there is too much.
fn copy(from: &Path, to: &Path, left: &mut u64, depth: u32) -> Result<bool, BuildError> {
    for entry in fs::read_dir(from).map_err(BuildError::file("read", from))? {
        let entry = entry.map_err(BuildError::file("read", from))?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        // A virtual environment may have any name.
        if name.starts_with('.') || SKIPPED.contains(&&*name) || path.join("pyvenv.cfg").exists() {
            continue;
        }
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let target = to.join(&*name);
        if metadata.is_dir() {
            fs::create_dir_all(&target).map_err(BuildError::file("create", &target))?;
            if depth == MAX_DEPTH || !copy(&path, &target, left, depth + 1)? {
                return Ok(false);
            }
        } else if metadata.is_file() {
            let Some(rest) = left.checked_sub(metadata.len()) else { return Ok(false) };
            *left = rest;
            fs::copy(&path, &target).map_err(BuildError::file("read", &path))?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_and_hidden_files_are_not_copied() {
        let (project, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for file in ["cloud.py", "data/words.txt", ".env", "mine/pyvenv.cfg", "mine/lib/x.py", "venv/x.py"] {
            write(&project.path().join(file), b"x").unwrap();
        }
        copy_project(project.path(), to.path()).unwrap();
        let there = |name: &str| to.path().join(name).exists();
        assert!(there("cloud.py") && there("data/words.txt"));
        assert!(!there(".env") && !there("mine") && !there("venv"));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_holds_itself_is_refused() {
        let (project, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&project.path().join("cloud.py"), b"x").unwrap();
        std::os::unix::fs::symlink(project.path(), project.path().join("again")).unwrap();
        let refused = copy_project(project.path(), to.path()).unwrap_err();
        assert!(refused.to_string().contains("more than 16 MiB"), "{refused}");
    }
}
