//! Bundles of LeanEngine projects in JavaScript and TypeScript.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken fixture ends the test")]

mod modules;
mod problems;
mod projects;

use std::fs;
use std::path::Path;

use api_types::{Bundle, BundledModule};
use hookd_guest_build::{BuildError, BuiltModule, builder_of};
use tempfile::TempDir;

/// A project in a folder of its own.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    async fn build(&self) -> Result<BuiltModule, BuildError> {
        let builder = builder_of(self.path()).unwrap();
        assert_eq!(builder.language(), "JavaScript");
        builder.build(self.path(), &mut |_| {}).await
    }

    /// The bundle, of a project without a warning.
    async fn bundle(&self) -> Bundle {
        let built = self.build().await.unwrap();
        assert!(built.warnings.is_empty(), "{:?}", built.warnings);
        Bundle::read(&built.bytes).unwrap()
    }

    /// What the developer reads.
    async fn refused(&self) -> String {
        match self.build().await.unwrap_err() {
            BuildError::Project(refused) => format!("{refused}\n{}", refused.hint_text().unwrap_or_default()),
            error => panic!("{error:?}"),
        }
    }

    async fn warnings(&self) -> Vec<String> {
        self.build().await.unwrap().warnings
    }
}

fn module<'a>(bundle: &'a Bundle, path: &str) -> &'a BundledModule {
    let modules = &bundle.modules;
    modules.get(path).unwrap_or_else(|| panic!("{path} is not among {:?}", modules.keys()))
}

fn requires(bundle: &Bundle, path: &str) -> Vec<(String, String)> {
    module(bundle, path).requires.clone().into_iter().collect()
}
