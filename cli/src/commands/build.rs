//! `hookd build`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use hookd_guest_build::{BuiltModule, builder_of, component_of};

use crate::exit::InputError;
use crate::input_file;
use crate::output::{self, Progress};

/// The longest module that a server accepts.
pub const MAX_MODULE_BYTES: u64 = 64 << 20;

/// Compile a hook project to a WebAssembly module, or bundle one of JavaScript.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd build my-hooks --output my-hooks.wasm
  hookd build my-hooks.core.wasm      # what a compiler made of bindings to the contract: C, C++, Zig …

A project with Cargo.toml is Rust. One with package.json, cloud.js, server.js or leanengine.yaml is JavaScript or TypeScript:
its code and files become one bundle, without Node on this machine; missing packages are installed with npm.")]
pub struct Build {
    /// Folder of the hook project, or a core module that is to become a component.
    #[arg(default_value = ".")]
    project: PathBuf,
    /// Where to write the module [default: target/hookd/NAME.wasm in the project's target folder; .hookd/NAME.bundle.json for
    /// JavaScript; for NAME.core.wasm, NAME.wasm beside it].
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Print one line of JSON instead of the path.
    #[arg(long)]
    json: bool,
}

impl Build {
    /// Builds, and prints where the module is.
    pub async fn run(self) -> anyhow::Result<()> {
        // A builder has written its module already.
        let (module, bytes, is_written) = if self.project.is_file() {
            let (module, bytes) = build_core_module(&self.project)?;
            (module, bytes, false)
        } else {
            let built = build_project(&self.project).await?;
            (built.path, built.bytes, true)
        };
        let path = self.output.as_ref().unwrap_or(&module);
        if let Some(folder) = self.output.as_deref().and_then(Path::parent) {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        }
        if self.output.is_some() || !is_written {
            std::fs::write(path, &bytes).with_context(|| format!("cannot write the module to `{}`", path.display()))?;
        }
        if self.json {
            return output::json(&serde_json::json!({"path": path, "bytes": bytes.len()}));
        }
        output::data(&path.display().to_string())?;
        Ok(())
    }
}

/// Makes a component of a core module. Its place is not that of the core module, which the next build would take for one.
fn build_core_module(path: &Path) -> anyhow::Result<(PathBuf, Vec<u8>)> {
    let core_module = input_file::read(path, "a core module", MAX_MODULE_BYTES)?;
    let bytes = component_of(&core_module, path).map_err(InputError::of_build)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match stem.strip_suffix(".core") {
        Some(name) => format!("{name}.wasm"),
        None => format!("{stem}.component.wasm"),
    };
    Ok((path.with_file_name(name), bytes))
}

/// Builds a project with progress on stderr.
pub async fn build_project(project: &Path) -> anyhow::Result<BuiltModule> {
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
