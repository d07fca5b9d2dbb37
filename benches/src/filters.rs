//! The word filter in each language that hooks are written in.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;
use hookd_benches::processes::hookd_program;

/// The filter, built.
pub struct Filters {
    /// `examples-hooks/word-filter`.
    pub rust: PathBuf,
    /// `benches/leanengine/word-filter`, the file that `leanengine` runs too.
    pub javascript: PathBuf,
    /// `benches/leancloud-python/word-filter`, the file that the package `leancloud` runs too.
    pub python: PathBuf,
}

impl Filters {
    /// Bundles the one in JavaScript. The others take longer, and `make` builds them only when they changed.
    pub fn find(workspace: &Path, modules: &Path) -> anyhow::Result<Self> {
        let [rust, python, javascript] =
            ["word-filter.wasm", "python-word-filter.wasm", "javascript-word-filter.bundle.json"]
                .map(|name| modules.join(name));
        for (module, target) in [(&rust, "modules"), (&python, "python-modules")] {
            if !module.is_file() {
                bail!("`{}` is missing; build it with `make {target}`", module.display());
            }
        }
        let project = workspace.join("benches/leanengine/word-filter");
        let mut build = Command::new(hookd_program()?);
        let output = build.arg("build").arg(&project).arg("--output").arg(&javascript).output()?;
        if !output.status.success() {
            bail!("`{}` was not built: {}", project.display(), String::from_utf8_lossy(&output.stderr));
        }
        Ok(Self { rust, javascript, python })
    }
}
