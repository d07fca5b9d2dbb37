//! Files that are required by computed names.

use std::path::{Path, PathBuf};

use super::{Collector, Current};
use crate::javascript::names::Folder;
use crate::javascript::places::is_code;
use crate::javascript::requires::Requires;

/// Folders whose code is for browsers, or for development. They are not taken for hooks because a file of the project loads files
/// by computed names.
const NOT_FOR_SERVERS: [&str; 10] =
    ["__tests__", "assets", "client", "frontend", "public", "scripts", "static", "test", "tests", "views"];
/// A package that loads files by computed names has some dozens of them.
const MOST_COMPUTED: usize = 2_000;

impl Collector<'_> {
    /// Files that are required by computed names.
    pub(super) fn follow_computed(&mut self, current: &Current<'_>, found: &Requires) {
        if !found.has_computed {
            return;
        }
        let mentioned = if current.is_own { found.named_folders.as_slice() } else { &[] };
        let folders: Vec<&Folder> = found.required_folders.iter().chain(mentioned).collect();
        if current.is_own && folders.is_empty() {
            let folder = current.path.parent().unwrap_or(&self.project.folder).to_owned();
            let files = self.own_code_in(&folder);
            self.perhaps.extend(files);
        }
        for folder in folders {
            let base = if folder.of_project { Some(self.project.folder.as_path()) } else { current.path.parent() };
            let Some(folder) = base.and_then(|base| base.join(&folder.path).canonicalize().ok()) else { continue };
            if !current.is_own {
                self.follow_in_package(current.path, &folder);
            } else if folder.is_file() && is_code(&folder) && self.places.is_own(&folder) {
                self.sure.push_back(folder);
            } else {
                let files = self.own_code_in(&folder);
                let is_whole_project = folder == self.project.folder;
                if is_whole_project { self.perhaps.extend(files) } else { self.sure.extend(files) }
            }
        }
    }

    fn own_code_in(&self, folder: &Path) -> Vec<PathBuf> {
        let is_for_servers = |path: &Path| {
            let inside = path.strip_prefix(folder).unwrap_or(path);
            !inside.iter().any(|part| NOT_FOR_SERVERS.iter().any(|name| part == *name))
        };
        let paths = self.own_files.iter().map(|file| &file.path);
        paths.filter(|path| path.starts_with(folder) && is_code(path) && is_for_servers(path)).cloned().collect()
    }

    fn follow_in_package(&mut self, file: &Path, folder: &Path) {
        let Some(package) = self.places.outermost_package(file) else { return };
        if !folder.starts_with(&package.folder) || folder == package.folder {
            return;
        }
        let walk = ignore::WalkBuilder::new(folder)
            .standard_filters(false)
            .filter_entry(|entry| entry.depth() == 0 || entry.file_name() != "node_modules")
            .sort_by_file_path(Path::cmp)
            .build();
        let files = walk.filter_map(Result::ok).map(ignore::DirEntry::into_path).filter(|path| {
            path.is_file() && (is_code(path) || path.extension().is_some_and(|extension| extension == "json"))
        });
        self.perhaps.extend(files.take(MOST_COMPUTED));
    }
}
