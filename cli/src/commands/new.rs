//! `hookd new`

use std::path::PathBuf;

use clap::Args;
use hookd_guest_build::new_project;

use crate::client::default_data_folder;
use crate::exit::InputError;
use crate::output;

/// Create a hook project in Rust.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hookd new my-hooks --hook _conversationStart")]
pub struct New {
    /// Folder to create; its last part names the project.
    folder: PathBuf,
    /// The hook that the project begins with.
    #[arg(long, default_value = "_messageReceived")]
    hook: String,
}

impl New {
    /// Writes the project.
    pub fn run(self) -> anyhow::Result<()> {
        new_project(&self.folder, &self.hook, &default_data_folder()).map_err(InputError::of_build)?;
        let folder = self.folder.display();
        output::data(&format!("Created the hook project `{folder}`."))?;
        output::note(&format!("Next:\n  hookd build {folder}\n  hookd deploy {folder} --prod"));
        Ok(())
    }
}
