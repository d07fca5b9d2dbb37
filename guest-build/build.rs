//! Packs the sources of the SDKs into the binary.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Everything that a hook project in Rust compiles.
const RUST: [&str; 12] = [
    "api-types/Cargo.toml",
    "api-types/src",
    "foreign-json/Cargo.toml",
    "foreign-json/src",
    "hook-types/Cargo.toml",
    "hook-types/src",
    "leancache/Cargo.toml",
    "leancache/src",
    "hook-sdk/rust/Cargo.toml",
    "hook-sdk/rust/src",
    "hook-sdk/rust/macros/Cargo.toml",
    "hook-sdk/rust/macros/src",
];

/// Everything that one in Python is built with.
const PYTHON: [&str; 2] = ["hook-sdk/python/src", "wit/0.2.0"];

fn main() -> io::Result<()> {
    pack(&RUST, "sdk_files.rs")?;
    pack(&PYTHON, "python_files.rs")
}

fn pack(sources: &[&str], list_name: &str) -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("..");
    let output = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    let mut list = String::from("&[\n");
    for source in sources {
        println!("cargo::rerun-if-changed=../{source}");
        let mut files = Vec::new();
        collect(&root.join(source), &mut files)?;
        files.sort();
        // An interpreter may have left its own beside them.
        files.retain(|file| file.extension().is_none_or(|extension| extension != "pyc"));
        for file in files {
            let name = file.strip_prefix(&root).map_err(io::Error::other)?;
            // The text itself, not its path: a checkout may be moved together with its target folder.
            let text = fs::read_to_string(&file)?;
            writeln!(list, "({:?}, {text:?}),", name.display().to_string()).map_err(io::Error::other)?;
        }
    }
    list.push(']');
    fs::write(output.join(list_name), list)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}
