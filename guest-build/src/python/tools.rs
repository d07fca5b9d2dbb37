//! componentize-py, which puts CPython into a component: found, or installed for the user.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use tokio::process::Command;

use super::process::run;
use crate::{BuildError, Progress, ProjectError};

/// The release whose components are known: another one may bring another Python.
const VERSION: &str = "0.25.0";
/// A file to use, whatever its version.
const NAMED: &str = "HOOKD_COMPONENTIZE_PY";
#[cfg(windows)]
const PYTHON: &str = "python";
#[cfg(not(windows))]
const PYTHON: &str = "python3";

/// What turns Python into a component on this machine.
#[derive(Debug)]
pub(super) struct Tools {
    pub(super) componentize_py: PathBuf,
    /// A Python with pip, for the packages of a project.
    pub(super) python: PathBuf,
}

/// For `hookd doctor`.
pub(super) fn explain() -> Result<String, ProjectError> {
    if let Some(file) = present() {
        return Ok(format!("componentize-py {VERSION} builds them ({})", file.display()));
    }
    if on_path(PYTHON).is_some() {
        return Ok(format!("the first build installs componentize-py {VERSION} into the user's data folder"));
    }
    Err(no_python())
}

/// Finds the tools, or installs what is missing, with a word about it.
pub(super) async fn find(progress: &mut Progress<'_>) -> Result<Tools, BuildError> {
    if let Some(componentize_py) = present() {
        let beside = componentize_py.with_file_name(python_file());
        let python = if beside.is_file() { beside } else { PathBuf::from(PYTHON) };
        return Ok(Tools { componentize_py, python });
    }
    if on_path(PYTHON).is_none() {
        return Err(no_python().into());
    }
    install(progress).await?;
    let folder = own_environment();
    Ok(Tools { componentize_py: program_of(&folder), python: binaries_of(&folder).join(python_file()) })
}

fn no_python() -> ProjectError {
    ProjectError::new(format!("no componentize-py {VERSION} on this machine, and no `{PYTHON}` to install it with"))
        .hint(
            "install Python 3.10 or newer with its modules `venv` and `pip`; on Debian `apt-get install python3-venv`",
        )
}

/// The named one, one of the path, or that of an earlier build.
fn present() -> Option<PathBuf> {
    if let Some(file) = env::var_os(NAMED) {
        return Some(PathBuf::from(file));
    }
    on_path("componentize-py").filter(|file| has_version(file)).or_else(|| {
        let own = program_of(&own_environment());
        own.is_file().then_some(own)
    })
}

fn has_version(file: &Path) -> bool {
    let answer = std::process::Command::new(file).arg("--version").output();
    answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).trim().ends_with(VERSION))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&path).map(|folder| folder.join(&file)).find(|file| file.is_file())
}

/// In the user's data folder, one for each release of componentize-py.
fn own_environment() -> PathBuf {
    let data = dirs::data_dir().map_or_else(|| PathBuf::from("hookd-data"), |folder| folder.join("hookd"));
    data.join("tools").join(format!("componentize-py-{VERSION}"))
}

fn binaries_of(environment: &Path) -> PathBuf {
    environment.join(if cfg!(windows) { "Scripts" } else { "bin" })
}

fn program_of(environment: &Path) -> PathBuf {
    binaries_of(environment).join(format!("componentize-py{}", env::consts::EXE_SUFFIX))
}

fn python_file() -> String {
    format!("{PYTHON}{}", env::consts::EXE_SUFFIX)
}

async fn install(progress: &mut Progress<'_>) -> Result<(), BuildError> {
    let folder = own_environment();
    progress(&format!("installing componentize-py {VERSION} into `{}` (once)", folder.display()));
    // What an earlier build left half done.
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(BuildError::file("remove", &folder)(error));
        }
        _ => {}
    }
    let made = run(Command::new(PYTHON).args(["-m", "venv"]).arg(&folder), "cannot start Python").await?;
    if !made.succeeded {
        let problem = format!("Python cannot make a virtual environment:\n{}", made.said.trim_end());
        let hint = "it needs its modules `venv` and `ensurepip`; on Debian `apt-get install python3-venv`";
        return Err(ProjectError::new(problem).hint(hint).into());
    }
    let mut pip = Command::new(binaries_of(&folder).join(python_file()));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]);
    pip.args(["--only-binary", ":all:", &format!("componentize-py=={VERSION}")]);
    let installed = run(&mut pip, "cannot start pip").await?;
    if !installed.succeeded {
        let problem = format!("componentize-py {VERSION} cannot be installed:\n{}", installed.said.trim_end());
        let hint = format!("install it yourself with `pip install componentize-py=={VERSION}`, and put it on the path");
        return Err(ProjectError::new(problem).hint(hint).into());
    }
    Ok(())
}
