//! Builds hook projects into modules, with one builder for each language.

mod core_module;
mod error;
pub mod javascript;
mod python;
mod rust;
pub mod types;

use std::path::{Path, PathBuf};

use api_types::Isolation;
use async_trait::async_trait;

pub use self::core_module::{component_of, is_core_module};
pub use self::error::{BuildError, ProjectError};
pub use self::javascript::{JavaScriptBuilder, new_javascript_project, scan_javascript};
pub use self::python::{PythonBuilder, new_python_project};
pub use self::rust::{RustBuilder, new_project};

/// Gets each step of a build, in a few words.
pub type Progress<'a> = dyn FnMut(&str) + Send + 'a;

/// Builds the projects of one language.
#[async_trait]
pub trait Builder: Send + Sync {
    /// The language, as users read it.
    fn language(&self) -> &'static str;

    /// True when the folder holds a project of the language.
    fn detect(&self, project: &Path) -> bool;

    /// What compiles the language on this machine.
    ///
    /// # Errors
    /// The missing tool, with the ways to get it.
    fn explain(&self) -> Result<String, ProjectError>;

    /// Compiles the project; `progress` gets each step. Started processes end when the future is dropped.
    ///
    /// # Errors
    /// [`BuildError::Project`] with the compiler's own words when the code does not compile.
    async fn build(&self, project: &Path, progress: &mut Progress<'_>) -> Result<BuiltModule, BuildError>;

    /// The sources of the project. For a broken project, the known part is returned.
    ///
    /// # Errors
    /// When nothing is known of it.
    async fn sources(&self, project: &Path) -> Result<Sources, BuildError>;
}

/// A module, ready to upload.
#[derive(Debug)]
pub struct BuiltModule {
    /// Where it was written.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What separates its calls unless the developer says something else.
    pub isolation: Isolation,
    /// Warnings for the developer about a module that was built.
    pub warnings: Vec<String>,
    /// The compiler's own, in its words; empty when it has none.
    pub compiler_warnings: String,
}

/// Files and folders whose changes call for a new build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Folders of packages, as deep as they go.
    pub packages: Vec<PathBuf>,
    /// The manifest of the workspace.
    pub workspace_manifest: Option<PathBuf>,
    /// The lock file of the workspace, which a build may write too.
    pub lock_file: Option<PathBuf>,
    /// Where builds write to.
    pub target: Option<PathBuf>,
}

/// One for each language.
pub const BUILDERS: [&dyn Builder; 3] = [&RustBuilder, &JavaScriptBuilder, &PythonBuilder];

/// The builder of the project in this folder.
///
/// # Errors
/// When the folder does not exist or holds no project.
pub fn builder_of(project: &Path) -> Result<&'static dyn Builder, ProjectError> {
    if let Some(builder) = BUILDERS.into_iter().find(|builder| builder.detect(project)) {
        return Ok(builder);
    }
    let problem = if project.exists() {
        let known = "Cargo.toml, package.json, cloud.js or cloud.py";
        format!("`{}` is not a hook project: it has no {known}", project.display())
    } else {
        format!("the directory `{}` does not exist", project.display())
    };
    Err(ProjectError::new(problem).hint("make a project with `hookd new NAME`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_known_by_its_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let refused = builder_of(folder.path()).err().unwrap();
        assert!(refused.to_string().ends_with("it has no Cargo.toml, package.json, cloud.js or cloud.py"), "{refused}");
        std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        assert_eq!(builder_of(folder.path()).ok().unwrap().language(), "Rust");
        let refused = builder_of(&folder.path().join("nothing")).err().unwrap();
        assert!(refused.to_string().ends_with("does not exist"), "{refused}");
    }
}
