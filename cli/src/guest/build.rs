//! Compiles a hook project: cargo, then the component.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;

use anyhow::Context as _;
use serde::Deserialize;

use super::componentize::componentize;
use super::inspect::{Inspection, inspect};
use super::toolchain::Toolchain;
use crate::exit::InputError;

/// A module, ready to upload.
pub struct BuiltModule {
    /// Where it was written.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What the developer should know, though the module was built.
    pub warnings: Vec<String>,
}

/// Refuses a folder that is no hook project.
///
/// # Errors
/// [`InputError`] that says what is missing.
pub fn require_project(project: &Path) -> Result<(), InputError> {
    if project.join("Cargo.toml").is_file() {
        return Ok(());
    }
    let problem = format!("`{}` is no hook project: it has no Cargo.toml", project.display());
    Err(InputError::new(problem).hint("make one with `hookd new NAME`"))
}

/// Compiles the project; `progress` is told each step.
///
/// # Errors
/// [`InputError`] when the folder is no hook project or its code does not compile, with the compiler's own words.
pub fn build(project: &Path, progress: &mut dyn FnMut(&str)) -> anyhow::Result<BuiltModule> {
    require_project(project)?;
    let toolchain = Toolchain::find()?;
    let core_module = compile(&toolchain, project, progress)?;
    progress("making the component");
    let core_bytes = std::fs::read(&core_module).with_context(|| format!("cannot read `{}`", core_module.display()))?;
    let warnings = check(&core_bytes, project)?;
    let bytes = componentize(&core_bytes)?;
    let path = module_path(&core_module).with_context(|| format!("`{}` has no name", core_module.display()))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    std::fs::write(&path, &bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(BuiltModule { path, bytes, warnings })
}

/// Refuses what the engine would refuse later, with words of the source.
fn check(core_module: &[u8], project: &Path) -> anyhow::Result<Vec<String>> {
    let Inspection { has_sdk, functions, prints_to_nowhere } = inspect(core_module)?;
    if !has_sdk {
        return Err(InputError::new(format!("`{}` has no hook", project.display()))
            .hint("annotate a function with `#[hook]` or `#[function]` of the crate `hook-sdk`")
            .into());
    }
    if let Some(pair) = functions.windows(2).find(|pair| matches!(pair, [one, other] if one == other)) {
        let name = pair.first().map_or("", String::as_str);
        let problem = format!("`{}` defines `{name}` more than once", project.display());
        return Err(InputError::new(problem).hint("put what both do into one function").into());
    }
    let mut warnings = Vec::new();
    if functions.is_empty() {
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

/// Runs cargo; answers the path of the core module.
fn compile(toolchain: &Toolchain, project: &Path, progress: &mut dyn FnMut(&str)) -> anyhow::Result<PathBuf> {
    let mut cargo = toolchain
        .cargo_build()
        .args(["--lib", "--message-format", "json-render-diagnostics"])
        .current_dir(project)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let artifacts = read_artifacts(&mut cargo, project.join("Cargo.toml").canonicalize()?);
    let messages = follow_messages(&mut cargo, progress);
    let status = cargo.wait().context("cannot wait for cargo")?;
    let artifact = artifacts.and_then(|reader| reader.join().ok().flatten());
    if !status.success() {
        let problem = format!("`{}` does not compile:\n{}", project.display(), messages.trim_end());
        return Err(InputError::new(problem).into());
    }
    artifact.ok_or_else(|| {
        InputError::new(format!("`{}` builds no WebAssembly module", project.display()))
            .hint("its Cargo.toml needs:  [lib]  crate-type = [\"cdylib\", \"rlib\"]")
            .into()
    })
}

#[derive(Deserialize)]
struct CargoMessage {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// The `.wasm` of the project itself, not one of its dependencies. On a thread of its own, so that neither pipe of cargo
/// fills up.
fn read_artifacts(cargo: &mut Child, manifest: PathBuf) -> Option<thread::JoinHandle<Option<PathBuf>>> {
    let stdout = BufReader::new(cargo.stdout.take()?);
    Some(thread::spawn(move || {
        let lines = stdout.lines().map_while(Result::ok);
        let messages = lines.filter_map(|line| serde_json::from_str::<CargoMessage>(&line).ok());
        messages
            .filter(|message| message.reason == "compiler-artifact" && message.manifest_path == manifest)
            .flat_map(|artifact| artifact.filenames)
            .filter(|file| file.extension() == Some("wasm".as_ref()))
            .last()
    }))
}

/// Passes cargo's status lines on; answers everything that it said.
fn follow_messages(cargo: &mut Child, progress: &mut dyn FnMut(&str)) -> String {
    let Some(stderr) = cargo.stderr.take() else { return String::new() };
    let mut everything = String::new();
    for line in BufReader::new(stderr.take(MAX_MESSAGE_BYTES)).lines().map_while(Result::ok) {
        let words = line.trim();
        if ["Compiling", "Downloading", "Downloaded", "Finished"].iter().any(|verb| words.starts_with(verb)) {
            progress(&words.to_lowercase());
        } else {
            everything.push_str(&line);
            everything.push('\n');
        }
    }
    everything
}

/// More than any compiler says to a person.
const MAX_MESSAGE_BYTES: u64 = 16 * 1024 * 1024;
