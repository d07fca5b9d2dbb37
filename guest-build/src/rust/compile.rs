//! Compiles a hook project: cargo, then the component.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use api_types::Isolation;
use serde::Deserialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::componentize::componentize;
use super::inspect::{Inspection, inspect};
use super::toolchain::Toolchain;
use crate::{BuildError, BuiltModule, Progress, ProjectError};

/// Compiles the project; `progress` gets each step. Cargo ends when the future is dropped.
///
/// # Errors
/// [`BuildError::Project`] with the compiler's own words when the code does not compile.
pub(super) async fn build(project: &Path, progress: &mut Progress<'_>) -> Result<BuiltModule, BuildError> {
    let toolchain = Toolchain::find()?;
    let compiled = compile(&toolchain, project, progress).await?;
    progress("making the component");
    let project = project.to_owned();
    let finishing = tokio::task::spawn_blocking(move || finish(&compiled, &project));
    finishing.await.map_err(BuildError::tool("making the component was cut short"))?
}

/// Makes a component of what cargo made.
fn finish(compiled: &Compiled, project: &Path) -> Result<BuiltModule, BuildError> {
    let core_module = &compiled.core_module;
    let core_bytes = std::fs::read(core_module).map_err(BuildError::file("read", core_module))?;
    let warnings = check(&core_bytes, project)?;
    let bytes = componentize(&core_bytes)?;
    let path = module_path(core_module)
        .ok_or(BuildError::Tool { problem: "cargo wrote the module where it never does", source: None })?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(BuildError::file("create", folder))?;
    }
    std::fs::write(&path, &bytes).map_err(BuildError::file("write", &path))?;
    let compiler_warnings = compiled.warnings.trim_end().to_owned();
    Ok(BuiltModule { path, bytes, isolation: Isolation::PerCall, warnings, compiler_warnings })
}

/// Refuses modules that the engine would refuse later, with names from the source.
fn check(core_module: &[u8], project: &Path) -> Result<Vec<String>, BuildError> {
    let Inspection { has_functions, functions, prints_to_nowhere, is_http_app } = inspect(core_module)?;
    if !has_functions {
        return Err(ProjectError::new(format!("`{}` has no hook", project.display()))
            .hint("annotate a function with `#[hook]` or `#[function]` of the crate `hook-sdk`")
            .into());
    }
    if let Some(pair) = functions.windows(2).find(|pair| matches!(pair, [one, other] if one == other)) {
        let name = pair.first().map_or("", String::as_str);
        let problem = format!("`{}` defines `{name}` more than once", project.display());
        return Err(ProjectError::new(problem).hint("put what both do into one function").into());
    }
    let mut warnings = Vec::new();
    if functions.is_empty() && !is_http_app {
        warnings.push("no function is annotated with `#[hook]` or `#[function]`".to_owned());
    }
    if prints_to_nowhere {
        warnings.push(
            "something prints with the macros of `std`, which write nowhere in a module: add `use hook_sdk::println;`, \
             or log with `info!`"
                .to_owned(),
        );
    }
    Ok(warnings)
}

/// `…/target/<target>/release/name.wasm` becomes `…/target/hookd/name.wasm`.
fn module_path(core_module: &Path) -> Option<PathBuf> {
    let target_folder = core_module.ancestors().nth(3)?;
    Some(target_folder.join("hookd").join(core_module.file_name()?))
}

/// What cargo made.
struct Compiled {
    core_module: PathBuf,
    /// The warnings of a successful build.
    warnings: String,
}

/// Runs cargo, which ends with this future.
async fn compile(toolchain: &Toolchain, project: &Path, progress: &mut Progress<'_>) -> Result<Compiled, BuildError> {
    let manifest = project.join("Cargo.toml");
    let manifest = manifest.canonicalize().map_err(BuildError::file("read", &manifest))?;
    let mut command = toolchain.cargo_build();
    command.args(["--lib", "--message-format", "json-render-diagnostics"]).current_dir(project);
    let mut cargo = Command::from(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(BuildError::tool("cannot start cargo"))?;
    let (stdout, stderr) = (cargo.stdout.take(), cargo.stderr.take());
    let (stdout, stderr) =
        stdout.zip(stderr).ok_or(BuildError::Tool { problem: "cargo has no output", source: None })?;
    // Both at once, so that neither pipe of cargo fills up.
    let (core_module, messages) = tokio::join!(
        read_artifacts(BufReader::new(stdout), &manifest),
        follow_messages(BufReader::new(stderr), progress)
    );
    let status = cargo.wait().await.map_err(BuildError::tool("cannot wait for cargo"))?;
    if !status.success() {
        let problem = format!("`{}` does not compile:\n{}", project.display(), messages.trim_end());
        return Err(ProjectError::new(problem).into());
    }
    let core_module = core_module.ok_or_else(|| {
        ProjectError::new(format!("`{}` builds no WebAssembly module", project.display()))
            .hint("its Cargo.toml needs:  [lib]  crate-type = [\"cdylib\", \"rlib\"]")
    })?;
    Ok(Compiled { core_module, warnings: messages })
}

#[derive(Deserialize)]
struct CargoMessage {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The `.wasm` of the project itself, not one of its dependencies.
async fn read_artifacts(mut stdout: impl AsyncBufRead + Unpin, manifest: &Path) -> Option<PathBuf> {
    let mut artifact = None;
    while let Some(line) = next_line(&mut stdout).await {
        let Ok(message) = serde_json::from_str::<CargoMessage>(&line) else { continue };
        if message.reason == "compiler-artifact" && message.manifest_path == manifest {
            let mut modules = message.filenames.into_iter().filter(|file| file.extension() == Some("wasm".as_ref()));
            artifact = modules.next_back().or(artifact);
        }
    }
    artifact
}

/// Passes cargo's status lines on; answers what else it said.
async fn follow_messages(mut stderr: impl AsyncBufRead + Unpin, progress: &mut Progress<'_>) -> String {
    let mut messages = String::new();
    while let Some(line) = next_line(&mut stderr).await {
        let words = line.trim();
        if STATUS_WORDS.iter().any(|verb| words.starts_with(verb)) {
            progress(&words.to_lowercase());
        } else if messages.len() < MAX_MESSAGE_BYTES {
            messages.push_str(&line);
        }
    }
    messages
}

/// With its line end. Invalid UTF-8 must not end the reading, or cargo would wait for a reader for ever.
async fn next_line(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    match reader.read_until(b'\n', &mut line).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(String::from_utf8_lossy(&line).into_owned()),
    }
}

/// What cargo says of its progress.
const STATUS_WORDS: [&str; 9] =
    ["Adding", "Blocking", "Compiling", "Downloaded", "Downloading", "Finished", "Fresh", "Locking", "Updating"];

/// More than any compiler says to a person; the rest is read and forgotten.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_that_are_no_text_do_not_end_the_reading() {
        let said = b"   Compiling hooks\nwarning: \xff\xfe\nwarning: more\n    Finished\n";
        let mut steps = Vec::new();
        let messages = follow_messages(said.as_slice(), &mut |step| steps.push(step.to_owned())).await;
        assert_eq!(steps, ["compiling hooks", "finished"]);
        assert_eq!(messages, "warning: \u{fffd}\u{fffd}\nwarning: more\n");
    }
}
