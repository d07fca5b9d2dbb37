//! `hookd config`

use std::ffi::OsString;

use clap::{Args, CommandFactory as _, Subcommand};
use serde_json::json;

use super::config_file::{self, Effective};
use super::parsed::{first_line, parse_matches};
use crate::commands::{Cli, ParseError};
use crate::exit::InputError;
use crate::output;

/// Show the options of a server and the source of each.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  hookd config show
  hookd config template > ~/.local/share/hookd/hookd.toml

Flags go before the environment, that goes before the file, and that before the defaults. The file is `hookd.toml` in the
data folder, or that of --config.")]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the options that `hookd up` would use, and the source of each.
    #[command(after_help = "Examples:
  hookd config show
  hookd config show --json
  hookd config show up --config /etc/hookd.toml --listen 0.0.0.0:7410")]
    Show {
        /// Print one line of JSON per option.
        #[arg(long)]
        json: bool,
        /// The command of the options, with its flags [default: up].
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND FLAGS")]
        command: Vec<OsString>,
    },
    /// Print a file with every option, commented out.
    #[command(after_help = "Example:\n  hookd config template > hookd.toml && hookd up --config hookd.toml")]
    Template,
}

impl Config {
    /// Prints the options or the template.
    pub fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::Show { json, command } => show(json, command),
            Action::Template => {
                let command = Cli::command();
                let up = command.find_subcommand("up").map(config_file::template).unwrap_or_default();
                output::data(up.trim_end())
            }
        }
    }
}

fn show(json: bool, mut command: Vec<OsString>) -> anyhow::Result<()> {
    if command.first().is_none_or(|first| first.to_string_lossy().starts_with('-')) {
        command.insert(0, "up".into());
    }
    let name = command.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !config_file::is_serving(&name) {
        return Err(InputError::new(format!("`hookd {name}` is not a server")).hint("give `up`, and its flags").into());
    }
    command.insert(0, "hookd".into());
    let parsed = parse_matches(&command).map_err(|problem| match problem {
        ParseError::Usage(usage) => anyhow::Error::new(InputError::new(first_line(&usage))),
        ParseError::Input(input) => input.into(),
    })?;
    let matches = parsed.matches.subcommand_matches(&name);
    let options = parsed.command.find_subcommand(&name).zip(matches);
    let options = options.map(|(command, matches)| config_file::effective(command, matches, parsed.file.as_ref()));
    for Effective { key, value, source } in options.unwrap_or_default() {
        if json {
            output::json(&json!({"key": key, "value": value, "source": source}))?;
        } else {
            let option = format!("{key} = {}", value.map_or_else(|| "-".to_owned(), |value| format!("{value:?}")));
            output::data(&format!("{option:<48} # {source}"))?;
        }
    }
    Ok(())
}
