//! Where files lie in the bundle, and the packages that they belong to.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use api_types::BUNDLE_ROOT;

use super::files::relative;
use super::parse::Kind;
use super::project::Manifest;

const PACKAGES: &str = "node_modules";
/// What packages with machine code are built or found with.
const ADDON_TOOLS: [&str; 6] =
    ["@mapbox/node-pre-gyp", "bindings", "nan", "node-addon-api", "node-gyp-build", "prebuild-install"];

/// The places of the files of one project.
pub(super) struct Places {
    project: PathBuf,
    manifests: HashMap<PathBuf, Option<Rc<Manifest>>>,
    taken: HashMap<String, PathBuf>,
}

/// A package, by its manifest.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub(super) folder: PathBuf,
    pub(super) manifest: Rc<Manifest>,
}

impl Package {
    /// It has machine code in it.
    pub(super) fn is_native(&self) -> bool {
        self.folder.join("binding.gyp").is_file()
            || self.manifest.gypfile
            || ADDON_TOOLS.iter().any(|tool| self.manifest.dependencies.contains_key(*tool))
    }

    fn is_module(&self) -> bool {
        self.manifest.kind.as_deref() == Some("module")
    }
}

impl Places {
    pub(super) fn new(project: &Path) -> Self {
        Self { project: project.to_owned(), manifests: HashMap::new(), taken: HashMap::new() }
    }

    /// True for files that the developer wrote.
    pub(super) fn is_own(&self, file: &Path) -> bool {
        file.strip_prefix(&self.project).is_ok_and(|inside| !inside.iter().any(|part| part == PACKAGES))
    }

    /// In the bundle. A package that lies elsewhere, in a folder above or behind a link, becomes one of the project's.
    ///
    /// # Errors
    /// The file belongs to no package and is not in the project, or its place is another file's.
    pub(super) fn of(&mut self, file: &Path) -> Result<String, String> {
        let place = self.place(file)?;
        let first = self.taken.entry(place.clone()).or_insert_with(|| file.to_owned());
        if first == file {
            return Ok(place);
        }
        Err(format!("`{}` and `{}` would be the same file of the bundle", first.display(), file.display()))
    }

    fn place(&mut self, file: &Path) -> Result<String, String> {
        if file.to_str().is_none() {
            return Err(format!("the name of `{}` is no text", file.display()));
        }
        if file.starts_with(&self.project) {
            return Ok(format!("{BUNDLE_ROOT}/{}", relative(&self.project, file)));
        }
        let mut parts = file.iter();
        if parts.any(|part| part == PACKAGES) {
            return Ok(format!("{BUNDLE_ROOT}/{PACKAGES}/{}", relative(Path::new(""), parts.as_path())));
        }
        let package = self.package(file);
        let name = package.as_ref().and_then(|package| Some((&package.folder, package.manifest.name.as_deref()?)));
        match name.filter(|(_, name)| !name.split('/').any(|part| matches!(part, "" | "." | ".."))) {
            Some((folder, name)) => Ok(format!("{BUNDLE_ROOT}/{PACKAGES}/{name}/{}", relative(folder, file))),
            None => Err(format!("`{}` is outside of the project", file.display())),
        }
    }

    /// What the file is, by its name and its package.
    pub(super) fn kind(&mut self, file: &Path) -> Kind {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("mjs") => Kind::EsModule,
            Some("cjs") => Kind::CommonJs,
            Some("ts" | "mts" | "cts") => Kind::TypeScript,
            _ if self.is_in_modules(file) => Kind::EsModule,
            _ => Kind::JavaScript,
        }
    }

    /// The file's package is one of ES modules, or the file says that it is one.
    pub(super) fn is_in_modules(&mut self, file: &Path) -> bool {
        let extension = file.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("mjs" | "mts")) || self.package(file).is_some_and(|package| package.is_module())
    }

    /// The nearest manifest above the file.
    pub(super) fn package(&mut self, file: &Path) -> Option<Package> {
        for folder in file.ancestors().skip(1) {
            if let Some(manifest) = self.manifest(folder) {
                return Some(Package { folder: folder.to_owned(), manifest });
            }
            if folder == self.project || folder.file_name().is_some_and(|name| name == PACKAGES) {
                return None;
            }
        }
        None
    }

    /// The package itself, where the nearest manifest is one inside of it.
    pub(super) fn outermost_package(&mut self, file: &Path) -> Option<Package> {
        let folders = file.ancestors().skip(1);
        let inside = folders.take_while(|folder| folder.file_name().is_none_or(|name| name != PACKAGES));
        let folders: Vec<PathBuf> = inside.map(Path::to_owned).collect();
        folders.into_iter().rev().find_map(|folder| Some(Package { manifest: self.manifest(&folder)?, folder }))
    }

    fn manifest(&mut self, folder: &Path) -> Option<Rc<Manifest>> {
        if let Some(known) = self.manifests.get(folder) {
            return known.clone();
        }
        let manifest = Manifest::of(folder).map(Rc::new);
        self.manifests.insert(folder.to_owned(), manifest.clone());
        manifest
    }
}

/// True for the extensions of files that can be modules.
pub(super) fn is_code(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let extension = file.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("js" | "cjs" | "mjs" | "ts" | "cts" | "mts"))
        && ![".d.ts", ".d.mts", ".d.cts"].iter().any(|declarations| name.ends_with(declarations))
}
