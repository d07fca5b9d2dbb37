//! Builds a project: its packages, then the component, then what keeps the component from asking for a system.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use api_types::Isolation;
use serde::Deserialize;
use tokio::process::Command;

use super::process::run;
use super::tools::{self, Tools};
use super::{files, packages, refuse_system, requirements};
use crate::{BuildError, BuiltModule, Progress, ProjectError};

/// Where builds write to, in the project.
pub(super) const TARGET: &str = "target/hookd";
/// The module of the SDK that has the exports.
const ENTRY: &str = "hookd_module";
/// What a module exports, of the contract that the SDK is written for.
const EXPORT: &str = "hookd:engine/functions@0.2.0";
/// How the SDK begins a line about the project's fault.
const FAULT: &str = "hookd-build: ";

/// Builds the project; `progress` gets each step.
pub(super) async fn build(project: &Path, progress: &mut Progress<'_>) -> Result<BuiltModule, BuildError> {
    let requirements = requirements::read(project)?;
    let tools = tools::find(progress).await?;
    let target = project.join(TARGET);
    let packages = if requirements.lines.is_empty() {
        None
    } else {
        Some(packages::install(&tools, &requirements.lines, &target, progress).await?)
    };
    progress("making the component");
    let work = tempfile::tempdir().map_err(BuildError::file("create", std::env::temp_dir()))?;
    let component = componentize(&tools, project, packages.as_deref(), work.path()).await?;
    let path = target.join(format!("{}.wasm", name_of(project)?));
    let finishing = tokio::task::spawn_blocking(move || finish(&component, path));
    let (path, bytes) = finishing.await.map_err(BuildError::tool("making the component was cut short"))??;
    let mut warnings = Vec::new();
    if !requirements.for_the_web.is_empty() {
        warnings.push(format!("left out, as hookd serves no web pages: {}", requirements.for_the_web.join(", ")));
    }
    Ok(BuiltModule { path, bytes, isolation: Isolation::Warm, warnings, compiler_warnings: String::new() })
}

fn finish(component: &Path, path: PathBuf) -> Result<(PathBuf, Vec<u8>), BuildError> {
    let bytes = fs::read(component).map_err(BuildError::file("read", component))?;
    let bytes = refuse_system::refuse_system(&bytes, EXPORT)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(BuildError::file("create", folder))?;
    }
    fs::write(&path, &bytes).map_err(BuildError::file("write", &path))?;
    Ok((path, bytes))
}

/// The folder's name, whatever path leads to it.
fn name_of(project: &Path) -> Result<String, BuildError> {
    let folder = project.canonicalize().map_err(BuildError::file("read", project))?;
    Ok(folder.file_name().map_or_else(|| "hooks".to_owned(), |name| name.to_string_lossy().into_owned()))
}

/// Runs componentize-py in a folder that holds all that it may see.
async fn componentize(
    tools: &Tools,
    project: &Path,
    packages: Option<&Path>,
    work: &Path,
) -> Result<PathBuf, BuildError> {
    let (sdk, wit, component) = (work.join("sdk"), work.join("wit"), work.join("component.wasm"));
    files::lay_out_sdk(&sdk, &wit)?;
    files::copy_project(project, &sdk.join("_project"))?;
    let packages_to = sdk.join("_packages");
    match packages {
        Some(packages) => files::copy_packages(packages, &packages_to)?,
        None => fs::create_dir_all(&packages_to).map_err(BuildError::file("create", &packages_to))?,
    }
    // It would add the packages of the Python that it runs in.
    let nothing = work.join("environment");
    let empty = nothing.join("lib/site-packages");
    fs::create_dir_all(&empty).map_err(BuildError::file("create", &empty))?;
    let mut command = Command::new(&tools.componentize_py);
    command.arg("--wit-path").arg(&wit).args(["--world", "module", "--quiet", "componentize"]);
    command.arg("--python-path").arg(&sdk).arg("--output").arg(&component).arg(ENTRY);
    command.env("VIRTUAL_ENV", &nothing).env("RUST_BACKTRACE", "0").env("RUST_LIB_BACKTRACE", "0").current_dir(work);
    let ended = run(&mut command, "cannot start componentize-py").await?;
    if ended.succeeded {
        return Ok(component);
    }
    let project = project.display();
    Err(match faults(&ended.said) {
        Some(faults) => ProjectError::new(format!("`{project}` cannot be built:\n{faults}")).into(),
        None => {
            ProjectError::new(format!("componentize-py cannot build `{project}`:\n{}", ended.said.trim_end())).into()
        }
    })
}

#[derive(Deserialize)]
struct Fault {
    file: String,
    line: Option<u32>,
    text: String,
}

/// The project's faults that the SDK has written, one in a line.
fn faults(said: &str) -> Option<String> {
    let mut text = String::new();
    for line in said.lines() {
        let Some((_, fault)) = line.split_once(FAULT) else { continue };
        let Ok(Fault { file, line, text: words }) = serde_json::from_str(fault) else { continue };
        let place = line.map_or_else(|| file.clone(), |line| format!("{file}:{line}"));
        let separator = if place.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "{place}{separator}{words}");
    }
    (!text.is_empty()).then(|| text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_project_are_told_with_file_and_line() {
        let said = "AssertionError: hookd-build: {\"file\": \"cloud.py\", \"line\": 3, \"text\": \"invalid syntax\"}\n\
                    hookd-build: {\"file\": \"\", \"line\": null, \"text\": \"no engine\"}\nCaused by: SystemExit\n";
        assert_eq!(faults(said).as_deref(), Some("cloud.py:3: invalid syntax\nno engine"));
        assert_eq!(faults("Traceback"), None);
    }
}
