//! `hookd types`

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use hookd_guest_build::types;

use crate::output;

/// Write the types of all hooks into a project: what each gets and may answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd types typescript            # to ./types: `leanengine`, also for JavaScript that an editor checks
  hookd types python                # to ./typings: `from hookd.hooks import MessageReceivedParams`
  hookd types typescript --output src/types

The files replace those of an earlier hookd. Keep them with the project.")]
pub struct Types {
    /// The language of the project.
    language: Language,
    /// Folder to write to [default: types for TypeScript, typings for Python].
    #[arg(short, long)]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    #[value(alias = "ts", alias = "javascript", alias = "js")]
    Typescript,
    #[value(alias = "py")]
    Python,
}

impl Types {
    /// Writes the files, and prints where they are.
    pub fn run(self) -> anyhow::Result<()> {
        let (files, folder) = match self.language {
            Language::Typescript => (types::TYPESCRIPT, "types"),
            Language::Python => (types::PYTHON, "typings"),
        };
        let root = self.output.unwrap_or_else(|| folder.into());
        for (name, text) in files {
            let path = root.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
            }
            fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
            output::data(&path.display().to_string())?;
        }
        Ok(())
    }
}
