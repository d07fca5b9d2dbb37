//! Gets the packages of a project with npm.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::{BuildError, Progress, ProjectError};

/// Other tools, by the lock files that they write.
const OTHER_TOOLS: [(&str, &str); 3] =
    [("yarn.lock", "yarn install"), ("pnpm-lock.yaml", "pnpm install"), ("bun.lockb", "bun install")];

/// Installs what the manifest names, as far as it is needed to run. npm ends when the future is dropped.
///
/// # Errors
/// There is no npm, or it fails; its own words are in the error.
pub(super) async fn install(project: &Path, missing: &str, progress: &mut Progress<'_>) -> Result<(), BuildError> {
    let problem = format!("the packages of `{}` are not installed: it requires {missing}", project.display());
    let is_locked = project.join("package-lock.json").is_file() || project.join("npm-shrinkwrap.json").is_file();
    let other = OTHER_TOOLS.iter().find(|(lock_file, _)| project.join(lock_file).is_file());
    if let Some((lock_file, command)) = other.filter(|_| !is_locked) {
        return Err(ProjectError::new(problem)
            .hint(format!("run `{command}` in the project; it has a {lock_file}"))
            .into());
    }
    let action = if is_locked { "ci" } else { "install" };
    progress(&format!("installing the packages with `npm {action}`"));
    let npm = Command::new("npm")
        // Scripts of packages build machine code, which is of no use here, and could do anything else.
        .args([action, "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(project)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match npm.await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr);
            let problem = format!("`npm {action}` failed in `{}`:\n{}", project.display(), words.trim_end());
            Err(ProjectError::new(problem).hint("run it yourself, and then build again").into())
        }
        Err(_) => {
            let hint = format!("install Node and npm, and run `npm {action}` in the project");
            Err(ProjectError::new(problem).hint(hint).into())
        }
    }
}
