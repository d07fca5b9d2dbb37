//! The tools that build hooks and run the demo. None of it is needed to serve.

use std::process::Command;

use hookd_guest_build::{Builder, JavaScriptBuilder, PythonBuilder, RustBuilder};

use super::Finding;

pub(super) fn check() -> Vec<Finding> {
    vec![
        hooks("Rust hooks", &RustBuilder),
        hooks("JS hooks", &JavaScriptBuilder),
        hooks("Python hooks", &PythonBuilder),
        program("node", "Node", "the demo's clients need it, and npm for packages: apt-get install nodejs npm"),
    ]
}

fn hooks(check: &'static str, builder: &dyn Builder) -> Finding {
    match builder.explain() {
        Ok(compiler) => Finding::ok(check, compiler),
        Err(missing) => Finding::note(check, missing.to_string(), missing.hint_text().unwrap_or_default()),
    }
}

fn program(name: &str, check: &'static str, fix: &str) -> Finding {
    let output = Command::new(name).arg("--version").output().ok().filter(|output| output.status.success());
    match output {
        Some(output) => {
            let version = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
            Finding::ok(check, format!("`{name}` is version {version}"))
        }
        None => Finding::note(check, format!("the program `{name}` is not on the path"), fix),
    }
}
