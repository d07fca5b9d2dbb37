//! `hookd build`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use hookd_guest_build::{BuiltModule, builder_of};

use crate::exit::InputError;
use crate::output::{self, Progress};

/// Compile a hook project to a WebAssembly module.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hookd build my-hooks --output my-hooks.wasm")]
pub struct Build {
    /// Folder of the hook project.
    #[arg(default_value = ".")]
    project: PathBuf,
    /// Where to write the module [default: target/hookd/NAME.wasm in the project's target folder].
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Print one line of JSON instead of the path.
    #[arg(long)]
    json: bool,
}

impl Build {
    /// Builds, and prints where the module is.
    pub async fn run(self) -> anyhow::Result<()> {
        let built = build_project(&self.project).await?;
        let path = match self.output {
            Some(output) => {
                if let Some(folder) = output.parent() {
                    std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
                }
                std::fs::write(&output, &built.bytes)
                    .with_context(|| format!("cannot write the module to `{}`", output.display()))?;
                output
            }
            None => built.path,
        };
        if self.json {
            return output::json(&serde_json::json!({"path": path, "bytes": built.bytes.len()}));
        }
        output::data(&path.display().to_string())?;
        Ok(())
    }
}

/// Builds a project with progress on stderr.
pub async fn build_project(project: &std::path::Path) -> anyhow::Result<BuiltModule> {
    let builder = builder_of(project).map_err(InputError::from)?;
    let progress = Progress::start(&format!("building `{}`", project.display()));
    let built = builder.build(project, &mut |detail| progress.detail(detail)).await;
    progress.finish();
    let built = built.map_err(InputError::of_build)?;
    if !built.compiler_warnings.is_empty() {
        output::note(&built.compiler_warnings);
    }
    for warning in &built.warnings {
        output::note(&format!("warning: {warning}"));
    }
    Ok(built)
}
