//! Projects in JavaScript and TypeScript: their code and files become one bundle. The engine runs it when the bundle is released,
//! with the variables of that release.

mod collect;
mod facts;
mod files;
mod install;
mod names;
mod new_project;
mod parse;
mod places;
mod problem;
mod project;
mod requires;
mod resolve;
mod scan;
mod snippets;
mod transform;
mod unsupported;
mod uses;

use std::path::Path;

use api_types::{Isolation, MAX_BUNDLE_BYTES};
use async_trait::async_trait;

use self::collect::{Collected, ScannedFile, ScannedFunction, collect};
pub use self::new_project::new_javascript_project;
use self::problem::list;
use self::project::Project;
pub use self::scan::{Change, Function, Package, Redis, Scan, Verdict, scan_javascript};
use crate::{BuildError, Builder, BuiltModule, Progress, ProjectError, Sources};

/// Where bundles are written, in the project.
const OUTPUT: &str = ".hookd";
/// Minified code is nested deep, and a tree is walked by recursion. Only what is used of a stack takes memory.
const STACK_BYTES: usize = 512 << 20;

/// Bundles projects that use `leanengine`.
#[derive(Debug)]
pub struct JavaScriptBuilder;

#[async_trait]
impl Builder for JavaScriptBuilder {
    fn language(&self) -> &'static str {
        "JavaScript"
    }

    fn detect(&self, project: &Path) -> bool {
        project::detect(project)
    }

    fn explain(&self) -> Result<String, ProjectError> {
        Ok("nothing is needed to build them; `npm` installs the packages of a project".to_owned())
    }

    async fn build(&self, project: &Path, progress: &mut Progress<'_>) -> Result<BuiltModule, BuildError> {
        progress("reading the code");
        let mut collected = collect_in_thread(project).await?;
        if !collected.not_installed.is_empty() && !project.join("node_modules").exists() {
            let missing: Vec<String> = collected.not_installed.iter().map(|name| format!("`{name}`")).collect();
            install::install(project, &missing.join(", "), progress).await?;
            progress("reading the code");
            collected = collect_in_thread(project).await?;
        }
        let project = project.to_owned();
        let finishing = tokio::task::spawn_blocking(move || finish(&project, collected));
        finishing.await.map_err(BuildError::tool("writing the bundle was cut short"))?
    }

    async fn sources(&self, project: &Path) -> Result<Sources, BuildError> {
        let project = project.canonicalize().map_err(BuildError::file("open", project))?;
        let target = Some(project.join(OUTPUT));
        Ok(Sources { packages: vec![project], target, ..Sources::default() })
    }
}

async fn collect_in_thread(project: &Path) -> Result<Collected, BuildError> {
    let project = Project::open(project)?;
    in_thread(move || parse::with_globals(|| collect(&project))).await
}

/// Runs `work` with a deep stack.
async fn in_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BuildError> + Send + 'static,
) -> Result<T, BuildError> {
    let (give, answer) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("javascript".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || drop(give.send(work())))
        .map_err(BuildError::tool("cannot start a thread"))?;
    answer.await.map_err(BuildError::tool("reading the code ended by itself"))?
}

fn finish(folder: &Path, collected: Collected) -> Result<BuiltModule, BuildError> {
    let Collected { bundle, errors, warnings, scanned, .. } = collected;
    if !errors.is_empty() {
        let problem = format!("`{}` cannot be built:{}", folder.display(), list(&errors));
        return Err(ProjectError::new(problem).into());
    }
    let bytes = serde_json::to_vec(&bundle).map_err(BuildError::tool("the bundle cannot be written"))?;
    if bytes.len() > MAX_BUNDLE_BYTES {
        let texts =
            bundle.files.iter().chain(&bundle.binary_files).map(|(path, text)| (path.clone(), text.len() as u64));
        let modules = bundle.modules.iter().map(|(path, module)| (path.clone(), module.source.len() as u64));
        return Err(files::too_large(bytes.len() as u64, texts.chain(modules).collect()).into());
    }
    let output = folder.join(OUTPUT);
    std::fs::create_dir_all(&output).map_err(BuildError::file("create", &output))?;
    let ignored = output.join(".gitignore");
    if !ignored.exists() {
        std::fs::write(&ignored, "*\n").map_err(BuildError::file("write", &ignored))?;
    }
    let path = output.join(format!("{}.bundle.json", bundle.name));
    std::fs::write(&path, &bytes).map_err(BuildError::file("write", &path))?;
    let warnings = warnings.iter().map(ToString::to_string).chain(never_called(&scanned)).collect();
    Ok(BuiltModule { path, bytes, isolation: Isolation::PerCall, warnings, compiler_warnings: String::new() })
}

/// Hooks of object storage stand beside those of messages in many projects.
fn never_called(files: &[ScannedFile]) -> Option<String> {
    let functions = files.iter().flat_map(|file| &file.functions).filter(|function| !function.is_called);
    let named = functions.map(|ScannedFunction { name, first, .. }| format!("{name} ({}:{})", first.file, first.line));
    let named: Vec<String> = named.collect();
    let are = if named.len() == 1 { "is" } else { "are" };
    (!named.is_empty()).then(|| format!("{} {are} never called: object storage is not offered", named.join(", ")))
}
