//! Hook projects in Rust: create one, and compile it to a module.

mod compile;
mod componentize;
mod inspect;
mod new_project;
mod sdk;
mod sources;
mod toolchain;

use std::path::Path;

use async_trait::async_trait;

pub use self::new_project::new_project;
pub(crate) use self::new_project::sample;
use self::toolchain::Toolchain;
use crate::{BuildError, Builder, BuiltModule, Progress, ProjectError, Sources};

/// Builds crates that use `hook-sdk`.
#[derive(Debug)]
pub struct RustBuilder;

#[async_trait]
impl Builder for RustBuilder {
    fn language(&self) -> &'static str {
        "Rust"
    }

    fn detect(&self, project: &Path) -> bool {
        project.join("Cargo.toml").is_file()
    }

    fn explain(&self) -> Result<String, ProjectError> {
        Ok(match Toolchain::find()? {
            Toolchain::Installed => "the compiler has the WebAssembly target".to_owned(),
            Toolchain::Debian { .. } => "Debian's compiler builds them".to_owned(),
        })
    }

    async fn build(&self, project: &Path, progress: &mut Progress<'_>) -> Result<BuiltModule, BuildError> {
        compile::build(project, progress).await
    }

    async fn sources(&self, project: &Path) -> Result<Sources, BuildError> {
        sources::sources(project).await
    }
}
