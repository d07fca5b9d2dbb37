//! The packages of a project, installed by pip for the Python of the component.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use tokio::process::Command;

use super::process::{Ended, run};
use super::requirements::is_replaced;
use super::tools::Tools;
use crate::{BuildError, Progress, ProjectError};

/// The Python in components of componentize-py 0.25.
const PYTHON_VERSION: &str = "3.14";
/// Packages that are offered as sources only.
const MAX_FROM_SOURCE: usize = 20;

/// Installs the packages, unless an earlier build did; answers their folder.
pub(super) async fn install(
    tools: &Tools,
    lines: &[String],
    target: &Path,
    progress: &mut Progress<'_>,
) -> Result<PathBuf, BuildError> {
    let mut hasher = DefaultHasher::new();
    (PYTHON_VERSION, lines).hash(&mut hasher);
    let folder = target.join(format!("packages-{:016x}", hasher.finish()));
    if folder.is_dir() {
        return Ok(folder);
    }
    progress("installing the packages of requirements.txt");
    fs::create_dir_all(target).map_err(BuildError::file("create", target))?;
    let work = tempfile::tempdir_in(target).map_err(BuildError::file("create", target))?;
    let list = work.path().join("requirements.txt");
    fs::write(&list, lines.join("\n")).map_err(BuildError::file("write", &list))?;
    let (installed, wheels) = (work.path().join("installed"), work.path().join("wheels"));
    let mut from_source = 0;
    loop {
        let ended = install_pure(tools, &list, &installed, &wheels).await?;
        if ended.succeeded {
            break;
        }
        let missing = missing_wheel(&ended.said).filter(|_| from_source < MAX_FROM_SOURCE);
        let Some(missing) = missing else {
            let problem = format!("pip cannot install the packages of requirements.txt:\n{}", complaint(&ended.said));
            return Err(ProjectError::new(problem).into());
        };
        progress(&format!("building the package `{missing}` from its source"));
        build_wheel(tools, &missing, &wheels).await?;
        from_source += 1;
    }
    fs::create_dir_all(&installed).map_err(BuildError::file("create", &installed))?;
    refuse_native_code(&installed)?;
    leave_out_replaced(&installed)?;
    match fs::rename(&installed, &folder) {
        // Another build was faster.
        Err(_) if folder.is_dir() => Ok(folder),
        renamed => renamed.map_err(BuildError::file("write", &folder)).map(|()| folder),
    }
}

/// Only packages without native code: nothing else runs inside a component.
async fn install_pure(tools: &Tools, list: &Path, installed: &Path, wheels: &Path) -> Result<Ended, BuildError> {
    let mut pip = pip(tools, "install");
    // Without `--quiet`: which requirement has no wheel is among what pip only mentions.
    pip.args(["--progress-bar", "off", "--only-binary", ":all:", "--python-version", PYTHON_VERSION]);
    pip.args(["--implementation", "py", "--abi", "none", "--platform", "any", "--upgrade"]);
    pip.arg("--target").arg(installed).arg("--find-links").arg(wheels).arg("--requirement").arg(list);
    fs::create_dir_all(wheels).map_err(BuildError::file("create", wheels))?;
    run(&mut pip, "cannot start pip").await
}

fn pip(tools: &Tools, act: &str) -> Command {
    let mut pip = Command::new(&tools.python);
    pip.args(["-m", "pip", act, "--disable-pip-version-check", "--no-input"]);
    pip
}

/// The requirement for which pip found no wheel of pure Python. Where it tried several versions of what requires it, it says
/// only that the requirements conflict, and what depends on what.
fn missing_wheel(said: &str) -> Option<String> {
    let named = said.lines().find_map(|line| line.split_once("No matching distribution found for "));
    let needed = || said.lines().filter(|line| line.starts_with(' ')).find_map(|line| line.split_once(" depends on "));
    let requirement = named.or_else(needed)?.1.split(" (from").next()?.trim();
    (!requirement.is_empty() && !requirement.starts_with('-')).then(|| requirement.to_owned())
}

/// What pip says from its first error on.
fn complaint(said: &str) -> &str {
    said.find("ERROR:").and_then(|at| said.get(at..)).unwrap_or(said).trim_end()
}

/// Makes a wheel of a package that is offered as a source. Many packages go without their native code where it cannot be compiled;
/// one that does not is refused.
async fn build_wheel(tools: &Tools, requirement: &str, wheels: &Path) -> Result<(), BuildError> {
    let made = wheels.join("new");
    let mut pip = pip(tools, "wheel");
    // Of this package only: what builds it may be a wheel. One that pip kept may have native code.
    pip.args(["--quiet", "--no-cache-dir", "--no-deps", "--no-binary", name_of(requirement), "--wheel-dir"]);
    pip.arg(&made).arg("--").arg(requirement).env("CC", "false").env("CXX", "false");
    let ended = run(&mut pip, "cannot start pip").await?;
    if !ended.succeeded {
        let problem = format!(
            "the package `{requirement}` has no release of pure Python, and cannot be built:\n{}",
            ended.said.trim_end()
        );
        return Err(ProjectError::new(problem).hint(NATIVE_HINT).into());
    }
    for entry in fs::read_dir(&made).map_err(BuildError::file("read", &made))? {
        let entry = entry.map_err(BuildError::file("read", &made))?;
        let name = entry.file_name();
        let to = wheels.join(pure_name(&name.to_string_lossy()).ok_or_else(|| native(requirement))?);
        fs::rename(entry.path(), &to).map_err(BuildError::file("write", &to))?;
    }
    Ok(())
}

/// The package of a requirement.
fn name_of(requirement: &str) -> &str {
    let end = requirement.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter));
    requirement.get(..end.unwrap_or(requirement.len())).unwrap_or(requirement)
}

/// The name of a wheel for any system. A package whose native code could not be compiled may name one system all the same;
/// [`refuse_native_code`] looks at what is really in it.
fn pure_name(wheel: &str) -> Option<String> {
    let parts: Vec<&str> = wheel.strip_suffix(".whl")?.split('-').collect();
    let [name, version, ..] = parts[..] else { return None };
    Some(format!("{name}-{version}-py3-none-any.whl"))
}

const NATIVE_HINT: &str = "hooks run in WebAssembly: take a package of pure Python in its place, or leave it out";

fn native(package: &str) -> ProjectError {
    ProjectError::new(format!("the package `{package}` contains native code, which hooks cannot run")).hint(NATIVE_HINT)
}

/// A wheel may call itself pure and be none.
fn refuse_native_code(installed: &Path) -> Result<(), BuildError> {
    let mut folders = vec![installed.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(BuildError::file("read", &folder))? {
            let path = entry.map_err(BuildError::file("read", &folder))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|kind| ["so", "pyd", "dylib", "dll"].iter().any(|native| kind == *native))
            {
                let package = path.strip_prefix(installed).ok().and_then(|path| path.iter().next());
                return Err(native(&package.unwrap_or_default().to_string_lossy()).into());
            }
        }
    }
    Ok(())
}

/// What other packages brought along: the SDK's own are used.
fn leave_out_replaced(installed: &Path) -> Result<(), BuildError> {
    for entry in fs::read_dir(installed).map_err(BuildError::file("read", installed))? {
        let path = entry.map_err(BuildError::file("read", installed))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if name == "bin" || name == "__pycache__" || is_replaced(&name.replace('_', "-")) {
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotADirectory => {
                    return Err(BuildError::file("remove", path)(error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_without_a_pure_wheel_is_named_by_pip() {
        let said = "ERROR: Could not find a version that satisfies the requirement jieba==0.42.1 (from versions: none)\n\
                    ERROR: No matching distribution found for jieba==0.42.1\n";
        assert_eq!(missing_wheel(said).as_deref(), Some("jieba==0.42.1"));
        let said = "ERROR: No matching distribution found for MarkupSafe>=2.0 (from jinja2)\n";
        assert_eq!(missing_wheel(said).as_deref(), Some("MarkupSafe>=2.0"));
        let said = "ERROR: Cannot install -r r.txt (line 1) because these package versions have conflicting dependencies.\n\n\
                    The conflict is caused by:\n    jinja2 3.1.6 depends on MarkupSafe>=2.0\n    jinja2 3.1.5 depends on MarkupSafe>=2.0\n";
        assert_eq!(missing_wheel(said).as_deref(), Some("MarkupSafe>=2.0"));
        assert_eq!(missing_wheel("ERROR: something else"), None);
        assert_eq!(complaint("Collecting a\nERROR: none\nERROR: such\n"), "ERROR: none\nERROR: such");
    }

    #[test]
    fn wheels_that_a_build_makes_are_for_any_system() {
        let pure = |name: &str| pure_name(name);
        assert_eq!(pure("pyyaml-6.0.4-cp311-cp311-linux_x86_64.whl").as_deref(), Some("pyyaml-6.0.4-py3-none-any.whl"));
        assert_eq!(pure("jieba-0.42.1-py3-none-any.whl").as_deref(), Some("jieba-0.42.1-py3-none-any.whl"));
        assert_eq!(pure("notes.txt"), None);
        assert_eq!((name_of("MarkupSafe>=2.0"), name_of("a_b.c[d]~=1")), ("MarkupSafe", "a_b.c"));
    }

    #[test]
    fn native_code_is_named_by_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("fast").join("inner");
        fs::create_dir_all(&inner).unwrap();
        refuse_native_code(folder.path()).unwrap();
        fs::write(inner.join("_speed.so"), "").unwrap();
        let refused = refuse_native_code(folder.path()).unwrap_err();
        assert_eq!(refused.to_string(), "the package `fast` contains native code, which hooks cannot run");
    }

    #[test]
    fn what_the_sdk_has_is_removed_again() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["requests", "urllib3", "bin"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        leave_out_replaced(folder.path()).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["urllib3"]);
    }
}
