//! The program `hookd`: the server, in one process or in two, and the developers' command line. No interface for others: what
//! they need is in the crates that this one puts together.

mod client;
mod commands;
mod difference;
mod exit;
mod fixtures;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod fuzzing;
mod input_file;
mod output;
mod params;
mod plugin;
mod secrets;

use std::ffi::OsString;
use std::io::IsTerminal as _;

use clap::error::ErrorKind;

use crate::commands::{Cli, ParseError};
use crate::exit::ExitCode;
use crate::output::LostOutput;

/// Runs the command of this process's arguments.
pub fn main() -> std::process::ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = match Cli::read(&arguments) {
        Ok(cli) => cli,
        Err(ParseError::Usage(usage)) => return misread(&usage, &arguments).into(),
        #[cfg(feature = "server")]
        Err(ParseError::Input(problem)) => return failed(&problem.into()).into(),
    };
    let code = match cli.run() {
        Ok(()) => ExitCode::Done,
        Err(error) => failed(&error),
    };
    output::finish();
    code.into()
}

fn misread(usage: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if let Some(problem) = commands::needs_server(usage) {
        return failed(&problem.into());
    }
    if let Some(problem) = plugin::run(usage, arguments) {
        return failed(&problem.into());
    }
    if matches!(usage.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let text = usage.render();
        let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let text = if coloured { text.ansi().to_string() } else { text.to_string() };
        return output::write(&text).map_or_else(|lost| failed(&lost), |()| ExitCode::Done);
    }
    // Only a closed terminal can fail here, and then nothing can be shown.
    let _ = usage.print();
    ExitCode::Input
}

fn failed(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<LostOutput>().is_some_and(LostOutput::is_by_reader) {
        return ExitCode::Done;
    }
    output::report_error(error);
    ExitCode::of(error)
}
