//! Which files matter to a build.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use hookd_guest_build::Sources;

/// Files that tools write.
const IGNORED_FOLDERS: [&str; 7] = ["node_modules", ".git", ".hg", ".jj", ".svn", ".hookd", "__pycache__"];

/// The mark of cargo and other tools on folders that can be built again.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// A project has some dozens; a link to the root of the file system must not have all of it watched.
const MAX_FOLDERS: usize = 10_000;

/// The files that matter, as they lie on the disk now.
#[derive(Debug, Default)]
pub struct Scope {
    /// Folders with sources.
    folders: HashSet<PathBuf>,
    /// Sources in folders that hold other things too, and the folders of the packages themselves.
    files: HashSet<PathBuf>,
    /// Written by builds and by the server.
    outputs: Vec<PathBuf>,
    lock_file: Option<PathBuf>,
    /// False when there were more folders than are looked at.
    pub is_whole: bool,
}

impl Scope {
    /// Of a project whose server writes to `data`.
    pub fn of(sources: &Sources, data: &Path) -> Self {
        let outputs = sources.target.iter().cloned().chain([data.to_owned()]).collect();
        let lock_file = sources.lock_file.clone();
        let mut scope = Self { outputs, lock_file, is_whole: true, ..Self::default() };
        scope.files.extend(sources.workspace_manifest.clone());
        for package in &sources.packages {
            // Reported for the folder above when it goes, and when it comes back.
            scope.files.insert(package.clone());
            scope.add_folders(package.clone());
        }
        scope
    }

    fn add_folders(&mut self, folder: PathBuf) {
        let mut next = vec![folder];
        while let Some(folder) = next.pop() {
            if self.folders.len() >= MAX_FOLDERS {
                self.is_whole = false;
                return;
            }
            // One that cannot be read now may be gone.
            let Ok(entries) = folder.read_dir() else { continue };
            if folder.join(CACHE_TAG).exists() || !self.folders.insert(folder) {
                continue;
            }
            for entry in entries.filter_map(Result::ok) {
                let path = entry.path();
                let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
                // A link that leads nowhere leads somewhere later, by a change of its own.
                let Ok(place) = (if is_link { path.canonicalize() } else { Ok(path.clone()) }) else { continue };
                match place.is_dir() {
                    true if !self.is_output(&path) && !self.is_output(&place) => next.push(place),
                    false if is_link => drop(self.files.insert(place)),
                    _ => {}
                }
            }
        }
    }

    /// All folders with relevant files.
    pub fn watched_folders(&self) -> impl Iterator<Item = &Path> {
        let of_files = self.files.iter().chain(&self.lock_file).filter_map(|file| file.parent());
        self.folders.iter().map(PathBuf::as_path).chain(of_files)
    }

    /// True for files that a build reads.
    pub fn has_source(&self, path: &Path) -> bool {
        if self.files.contains(path) {
            return true;
        }
        let is_inside = path.parent().is_some_and(|folder| self.folders.contains(folder));
        is_inside && !self.is_output(path) && !self.is_lock_file(path) && !is_of_an_editor(path)
    }

    /// True for the workspace's lock file.
    pub fn is_lock_file(&self, path: &Path) -> bool {
        self.lock_file.as_deref() == Some(path)
    }

    fn is_output(&self, path: &Path) -> bool {
        let name = path.file_name();
        self.outputs.iter().any(|output| output == path)
            || IGNORED_FOLDERS.iter().any(|ignored| name == Some(ignored.as_ref()))
    }
}

/// Files that editors keep beside the files that they change.
fn is_of_an_editor(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let is_hidden_file = name.starts_with('.') && !path.is_dir();
    let is_autosave = name.starts_with('#') && name.ends_with('#');
    is_hidden_file || is_autosave || name.ends_with('~') || name.ends_with(".swp") || name == "4913"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_matter_and_what_tools_write_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        for inside in ["src/deep", "target/debug", "src/target", ".git", "nested/target", "data", ".cargo"] {
            std::fs::create_dir_all(root.join(inside)).unwrap();
        }
        std::fs::write(root.join("nested/target").join(CACHE_TAG), "").unwrap();
        let sources = Sources {
            packages: vec![root.clone()],
            workspace_manifest: Some(folder.path().join("Cargo.toml")),
            lock_file: Some(root.join("Cargo.lock")),
            target: Some(root.join("target")),
        };
        let scope = Scope::of(&sources, &root.join("data"));
        let matters = |path: &str| scope.has_source(&root.join(path));
        for path in [
            "src/lib.rs",
            "Cargo.toml",
            "sample.json",
            "src/deep/er.rs",
            "src/target/a.rs",
            ".cargo/config.toml",
            "new",
        ] {
            assert!(matters(path), "{path}");
        }
        for path in [
            "target",
            "target/debug/x",
            ".git/index",
            "src/.lib.rs.swp",
            "src/lib.rs~",
            "src/4913",
            "src/#lib.rs#",
            "Cargo.lock",
            "nested/target/x",
            "data",
            "data/im.db",
            "../README.md",
        ] {
            assert!(!matters(path), "{path}");
        }
        assert!(scope.has_source(&folder.path().join("Cargo.toml")));
        assert!(scope.has_source(&root), "the project itself went or came");
        assert!(scope.is_lock_file(&root.join("Cargo.lock")));
    }
}
