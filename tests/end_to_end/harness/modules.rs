use std::path::{Path, PathBuf};

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
