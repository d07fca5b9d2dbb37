//! `hookd foo` where there is no command `foo`: the program `hookd-foo` of the path.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
#[cfg(unix)]
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use clap::error::{ContextKind, ContextValue};

use crate::client::ServerArguments;
use crate::exit::InputError;

/// Becomes the program that the unknown word names, with the words after it and the server in its environment. Answers
/// only when there is no such program (`None`), or it did not start.
pub fn run(usage: &clap::Error, arguments: &[OsString]) -> Option<InputError> {
    let Some(ContextValue::String(word)) = usage.get(ContextKind::InvalidSubcommand) else { return None };
    let program = find(word)?;
    let after = arguments.iter().skip_while(|argument| *argument != word.as_str()).skip(1);
    let mut command = Command::new(&program);
    command.args(after);
    // A plugin may need no server: unknown values are not set.
    if let Ok(target) = ServerArguments::without_flags().and_then(|server| server.target()) {
        command.env("HOOKD_URL", target.url).env("HOOKD_APP", target.app_id);
        command.env("HOOKD_MASTER_KEY", target.master_key);
    }
    let error = become_program(command);
    Some(InputError::new(format!("cannot run `{}`: {error}", program.display())))
}

#[cfg(unix)]
fn become_program(mut command: Command) -> io::Error {
    command.exec()
}

/// Waits for it, and ends with its exit code.
#[cfg(not(unix))]
fn become_program(mut command: Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(2)),
        Err(error) => error,
    }
}

fn find(word: &str) -> Option<PathBuf> {
    // A path is not a command, and must not lead out of the folders that are searched.
    if word.is_empty() || word.contains(['/', '\\']) {
        return None;
    }
    let name = format!("hookd-{word}{}", std::env::consts::EXE_SUFFIX);
    let folders = std::env::var_os("PATH")?;
    let candidates = std::env::split_paths(&folders).map(|folder| folder.join(&name));
    candidates.into_iter().find(|candidate| candidate.metadata().is_ok_and(|file| file.is_file() && may_run(&file)))
}

#[cfg(unix)]
fn may_run(file: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn may_run(_: &Metadata) -> bool {
    true
}
