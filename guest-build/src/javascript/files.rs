//! The files of a project, but for packages, and for what `.leanignore` names.

use std::path::{Path, PathBuf};

use api_types::{MAX_BUNDLE_BYTES, MAX_BUNDLE_FILES};
use ignore::WalkBuilder;

use crate::ProjectError;

/// Folders with their own way into the bundle, or with none.
const LEFT_OUT: [&str; 3] = ["node_modules", "bower_components", "__pycache__"];
/// The mark that tools put into folders that they can make again.
const CACHE_TAG: &str = "CACHEDIR.TAG";
/// Nothing reads them when hooks run.
const LOCK_FILES: [&str; 5] = ["bun.lockb", "npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock"];
/// The file of a server's data folder that has the keys in it. The rest of that folder is no part of a project either.
const SERVER_KEYS: &str = "connection.json";
/// A file for the variables of a process, which packages read.
const VARIABLES: &str = ".env";
/// The largest that an error names.
const MOST_NAMED: usize = 5;

/// A file and its length.
#[derive(Clone, Debug)]
pub(super) struct ProjectFile {
    pub(super) path: PathBuf,
    bytes: u64,
}

/// Looks for them, sorted by path.
///
/// # Errors
/// There are more than a bundle can hold.
pub(super) fn project_files(project: &Path) -> Result<Vec<ProjectFile>, ProjectError> {
    let mut walk = WalkBuilder::new(project);
    walk.standard_filters(false).add_custom_ignore_filename(".leanignore").sort_by_file_path(Path::cmp);
    walk.filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        // The project itself may lie in a hidden folder.
        let is_hidden = name.starts_with('.') && entry.depth() > 0 && name != VARIABLES;
        let holds = |file: &str| entry.path().join(file).is_file();
        let is_left_out = if is_folder {
            entry.depth() > 0 && (LEFT_OUT.contains(&&*name) || holds(CACHE_TAG) || holds(SERVER_KEYS))
        } else {
            LOCK_FILES.contains(&&*name)
        };
        !(is_hidden || is_left_out)
    });
    let mut files = Vec::new();
    let mut bytes = 0_u64;
    for entry in
        walk.build().filter_map(Result::ok).filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
    {
        let length = entry.metadata().map_or(0, |file| file.len());
        bytes = bytes.saturating_add(length);
        files.push(ProjectFile { path: entry.into_path(), bytes: length });
        if files.len() > MAX_BUNDLE_FILES {
            let problem = format!("the project has more than {MAX_BUNDLE_FILES} files");
            return Err(ProjectError::new(problem).hint("name the folders that hooks do not need in `.leanignore`"));
        }
    }
    if bytes > MAX_BUNDLE_BYTES as u64 {
        let sizes = files.iter().map(|file| (relative(project, &file.path), file.bytes));
        return Err(too_large(bytes, sizes.collect()));
    }
    Ok(files)
}

/// The error for a project that is too large, with its largest files.
pub(super) fn too_large(bytes: u64, mut sizes: Vec<(String, u64)>) -> ProjectError {
    sizes.sort_by_key(|(name, bytes)| (std::cmp::Reverse(*bytes), name.clone()));
    let largest = sizes.iter().take(MOST_NAMED).map(|(name, bytes)| format!("\n  {:>9}  {name}", mebibytes(*bytes)));
    let problem = format!(
        "the project has {} in the bundle, and at most {} are possible. The largest files:{}",
        mebibytes(bytes),
        mebibytes(MAX_BUNDLE_BYTES as u64),
        largest.collect::<String>()
    );
    ProjectError::new(problem).hint("name what hooks do not need in `.leanignore`, with a pattern on each line")
}

fn mebibytes(bytes: u64) -> String {
    // Rounded up, so that a little more than possible does not look like what is possible.
    let tenths = bytes.saturating_mul(10).div_ceil(1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

/// For people, and for a path in the bundle.
pub(super) fn relative(project: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(project).unwrap_or(path);
    inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, usize)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::File::create(path).unwrap().set_len(*bytes as u64).unwrap();
        }
        folder
    }

    #[test]
    fn packages_hidden_files_and_ignored_ones_are_left_out() {
        let folder = project(&[
            ("cloud.js", 1),
            ("functions/a.js", 1),
            ("node_modules/lodash/index.js", 1),
            ("functions/node_modules/x.js", 1),
            (".git/config", 1),
            (".hookd/hooks.bundle.json", 1),
            (".env", 1),
            (".npmrc", 1),
            ("docs/long.pdf", 1),
            ("functions/notes.txt", 1),
            ("target/CACHEDIR.TAG", 1),
            ("data/connection.json", 1),
            ("data/im.db", 1),
            ("yarn.lock", 1),
        ]);
        std::fs::write(folder.path().join(".leanignore"), "docs\n*.txt\n").unwrap();
        let files = project_files(folder.path()).unwrap();
        let names: Vec<String> = files.iter().map(|file| relative(folder.path(), &file.path)).collect();
        assert_eq!(names, [".env", "cloud.js", "functions/a.js"]);
    }

    #[test]
    fn too_much_names_the_largest_files() {
        let folder = project(&[("cloud.js", 10), ("video.mp4", 50 << 20), ("deep/words.txt", 3 << 20)]);
        let refused = project_files(folder.path()).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("53.1 MiB in the bundle, and at most 32.0 MiB"), "{text}");
        assert!(text.contains("\n   50.0 MiB  video.mp4\n    3.0 MiB  deep/words.txt\n"), "{text}");
        assert!(refused.hint_text().unwrap().contains(".leanignore"));
    }
}
