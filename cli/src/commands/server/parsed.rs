//! The arguments of a process that serves, with those in its configuration file.

use std::ffi::OsString;

use clap::{ArgMatches, CommandFactory as _};

use super::config_file::{ConfigFile, is_serving, with_file};
use crate::commands::{Cli, ParseError};
use crate::exit::InputError;

/// Arguments with environment, file and defaults applied.
pub struct Parsed {
    /// The command line with the file's values as defaults.
    pub command: clap::Command,
    /// The values that were given and set.
    pub matches: ArgMatches,
    /// The file, where there is one.
    pub file: Option<ConfigFile>,
}

/// Reads the arguments of any command; those of a server with its configuration file.
pub fn parse_matches(arguments: &[OsString]) -> Result<Parsed, ParseError> {
    let command = Cli::command();
    let matches = command.clone().try_get_matches_from(arguments).map_err(ParseError::Usage)?;
    let (serving, file) = match matches.subcommand() {
        Some((name, flags)) if is_serving(name) => with_file(command, name, flags).map_err(ParseError::Input)?,
        _ => (command, None),
    };
    let Some(file) = file else { return Ok(Parsed { command: serving, matches, file: None }) };
    let matches = serving.clone().try_get_matches_from(arguments).map_err(|usage| {
        // Without the file the arguments were right.
        let problem = format!("`{}`: {}", file.path().display(), first_line(&usage));
        ParseError::Input(InputError::new(problem).hint("`hookd config template` prints every option with its help"))
    })?;
    Ok(Parsed { command: serving, matches, file: Some(file) })
}

/// The text of clap, without usage and colours.
pub fn first_line(usage: &clap::Error) -> String {
    let text = usage.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
