//! `hookd`: the server, in one process or in two, and the developers' command line.

mod client;
mod commands;
mod exit;
mod guest;
mod output;
mod private_file;
mod server;

use clap::Parser;
use clap::error::ErrorKind;

use crate::commands::Cli;
use crate::exit::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let asked_for_text = matches!(usage.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // A closed terminal is the only way to fail here, and there is nobody left to tell.
            let _ = usage.print();
            return if asked_for_text { ExitCode::Done } else { ExitCode::Input }.into();
        }
    };
    match cli.run() {
        Ok(()) => ExitCode::Done.into(),
        Err(error) => {
            output::report_error(&error);
            ExitCode::of(&error).into()
        }
    }
}
