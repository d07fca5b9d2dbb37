//! The types of hooks for other languages, from the schemas of `hook-types`: JSON Schema, TypeScript and Python.
//!
//! The generated files are checked in, so that nothing that uses them needs this crate; `tests/drift.rs` compares them.

mod json_schema;
mod model;
mod python;
mod typescript;

use anyhow::Result;
use hook_types::hook;

/// The command that writes the files anew, from the root of the repository.
pub const COMMAND: &str = "cargo run --manifest-path hook-types/generator/Cargo.toml";

/// A generated file.
#[derive(Debug)]
pub struct GeneratedFile {
    /// Where it is, from the root of the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// All files, as they should be.
///
/// # Errors
/// When a type of `hook-types` has a form that no language here has a word for.
pub fn generated_files() -> Result<Vec<GeneratedFile>> {
    let hooks = hook::schemas();
    let mut files = Vec::new();
    for hook in &hooks {
        let (params, reply) = json_schema::of_hook(hook)?;
        files.push(GeneratedFile { path: format!("hook-types/schema/{}.params.json", hook.name), text: params });
        files.push(GeneratedFile { path: format!("hook-types/schema/{}.reply.json", hook.name), text: reply });
    }
    let types = model::Types::of(&hooks)?;
    files.push(GeneratedFile {
        path: "hook-sdk/js/types/hooks.d.ts".to_owned(),
        text: typescript::declarations(&hooks, &types),
    });
    files.push(GeneratedFile {
        path: "hook-sdk/python/src/hookd/hooks.py".to_owned(),
        text: python::module(&hooks, &types),
    });
    Ok(files)
}
