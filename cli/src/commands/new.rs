//! `hookd new`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hookd_guest_build::{new_javascript_project, new_project, new_python_project};

use crate::client::default_data_folder;
use crate::exit::InputError;
use crate::output;

/// Languages that a new project can be written in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    /// Compiled on this machine.
    Rust,
    /// JavaScript, as LeanEngine runs it.
    #[value(alias = "javascript")]
    Js,
    /// TypeScript.
    #[value(alias = "typescript")]
    Ts,
    /// Python, as LeanEngine runs it.
    Python,
}

/// Create a hook project.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  hookd new my-hooks --lang js\n  hookd new my-hooks --lang python --hook _conversationStart"
)]
pub struct New {
    /// Folder to create; its last part names the project.
    folder: PathBuf,
    /// The hook that the project begins with.
    #[arg(long, default_value = "_messageReceived")]
    hook: String,
    /// The language of the project.
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
}

impl New {
    /// Writes the project.
    pub fn run(self) -> anyhow::Result<()> {
        match self.lang {
            Language::Rust => new_project(&self.folder, &self.hook, &default_data_folder()),
            Language::Js => new_javascript_project(&self.folder, &self.hook, false),
            Language::Ts => new_javascript_project(&self.folder, &self.hook, true),
            Language::Python => new_python_project(&self.folder, &self.hook),
        }
        .map_err(InputError::of_build)?;
        let folder = self.folder.display();
        output::data(&format!("Created the hook project `{folder}`."))?;
        output::note(&format!("Next:\n  hookd build {folder}\n  hookd deploy {folder} --prod"));
        Ok(())
    }
}
