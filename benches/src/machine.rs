//! The machine and the versions that numbers belong to.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

/// One line of the table of facts.
pub struct Fact {
    /// What.
    pub name: &'static str,
    /// Its value; `unknown` where the system does not report it.
    pub value: String,
}

/// Where the numbers come from, whatever they are about.
pub fn facts(workspace: &Path) -> Vec<Fact> {
    vec![
        fact("Date", Some(DateTime::<Utc>::from(SystemTime::now()).format("%Y-%m-%d").to_string())),
        fact("Revision", output("git", &["rev-parse", "--short", "HEAD"], workspace)),
        fact("CPU", cpu_model()),
        fact("Cores", std::thread::available_parallelism().ok().map(|cores| cores.to_string())),
        fact("Memory", memory()),
        fact("Kernel", std::fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned())),
        fact("Rust", output("rustc", &["--version"], workspace)),
        fact("wasmtime", locked_version(&workspace.join("Cargo.lock"), "wasmtime")),
    ]
}

/// A fact that may not be known.
pub fn fact(name: &'static str, value: Option<String>) -> Fact {
    Fact { name, value: value.unwrap_or_else(|| "unknown".to_owned()) }
}

/// What a program prints, if it succeeds.
pub fn output(program: &str, arguments: &[&str], folder: &Path) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn cpu_model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory() -> Option<String> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes: u64 =
        text.lines().find(|line| line.starts_with("MemTotal"))?.split_whitespace().nth(1)?.parse().ok()?;
    Some(format!("{} GiB", kibibytes.div_ceil(1024 * 1024)))
}

/// The version of a crate in a lock file.
pub fn locked_version(lock_file: &Path, package: &str) -> Option<String> {
    let text = std::fs::read_to_string(lock_file).ok()?;
    let (_, entry) = text.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(entry.split_once('"')?.0.to_owned())
}

/// The version of an installed package of npm.
pub fn installed_version(workspace: &Path, folder: &str, package: &str) -> Option<String> {
    let manifest = workspace.join(folder).join("node_modules").join(package).join("package.json");
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).ok()?).ok()?;
    Some(manifest.get("version")?.as_str()?.to_owned())
}

/// The version of a package of Python that a list of requirements names.
pub fn required_version(requirements: &Path, package: &str) -> Option<String> {
    let text = std::fs::read_to_string(requirements).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(package)?.strip_prefix("==")?.trim().to_owned()))
}
