//! LeanEngine projects in Python.

mod compile;
mod files;
mod new_project;
mod packages;
mod process;
mod refuse_system;
mod requirements;
mod tools;

use std::path::Path;

use async_trait::async_trait;

pub use self::new_project::new_project as new_python_project;
use crate::{BuildError, Builder, BuiltModule, Progress, ProjectError, Sources};

/// Builds projects with `cloud.py`.
#[derive(Debug)]
pub struct PythonBuilder;

#[async_trait]
impl Builder for PythonBuilder {
    fn language(&self) -> &'static str {
        "Python"
    }

    fn detect(&self, project: &Path) -> bool {
        let has = |name| project.join(name).is_file();
        has("cloud.py") || (has("requirements.txt") && has("wsgi.py")) || names_python(&project.join("leanengine.yaml"))
    }

    fn explain(&self) -> Result<String, ProjectError> {
        tools::explain()
    }

    async fn build(&self, project: &Path, progress: &mut Progress<'_>) -> Result<BuiltModule, BuildError> {
        compile::build(project, progress).await
    }

    async fn sources(&self, project: &Path) -> Result<Sources, BuildError> {
        Ok(Sources {
            packages: vec![project.to_owned()],
            target: Some(project.join(compile::TARGET)),
            ..Sources::default()
        })
    }
}

/// LeanEngine's own way to say it: a line `runtime: python`.
fn names_python(settings: &Path) -> bool {
    let text = std::fs::read_to_string(settings).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .any(|(key, value)| key == "runtime" && value.trim().trim_matches(['"', '\'']) == "python")
}
