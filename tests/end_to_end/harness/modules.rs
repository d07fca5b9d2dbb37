use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the checkout.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// A module built by `make modules`: an example, or a hostile hook.
pub fn module(name: &str) -> PathBuf {
    let path = workspace().join("target/hookd-modules").join(format!("{name}.wasm"));
    assert!(path.is_file(), "`{}` is missing; build the modules with `make modules`", path.display());
    path
}

/// A project with one file of `tests/leanengine`, which is not changed in any way.
pub fn leanengine_project(file: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = workspace().join("tests/leanengine").join(file).with_extension("js");
    std::fs::copy(source, folder.path().join("cloud.js")).unwrap();
    let manifest = r#"{"name": "hooks", "dependencies": {"leanengine": "3.8.0"}}"#;
    std::fs::write(folder.path().join("package.json"), manifest).unwrap();
    folder
}

/// An example in another language than Rust, in a folder of the test's own: a build writes beside the project.
pub fn example_project(language: &str, name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = workspace().join("examples-hooks").join(language).join(name);
    let copied = Command::new("cp").arg("-r").arg(&source).arg(folder.path()).status().expect("cp runs");
    assert!(copied.success(), "`{}` cannot be copied", source.display());
    folder
}
