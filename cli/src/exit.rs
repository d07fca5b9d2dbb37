//! Exit codes: 0 done, 1 the input's fault, 2 ours or the server's.

use hookd_guest_build::{BuildError, ProjectError};
use thiserror::Error;

#[cfg(feature = "server")]
use hookd_server::ServerError;

/// The exit code of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything asked for was done.
    Done,
    /// Arguments, files or modules are at fault.
    Input,
    /// hookd, the server or the machine is at fault.
    Failure,
}

impl ExitCode {
    /// The code of a failed command: [`InputError`] anywhere in the chain makes it the input's fault.
    pub fn of(error: &anyhow::Error) -> Self {
        if error.is::<InputError>() { Self::Input } else { Self::Failure }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        match code {
            ExitCode::Done => Self::SUCCESS,
            ExitCode::Input => Self::from(1),
            ExitCode::Failure => Self::from(2),
        }
    }
}

/// An error that the user can fix by changing the input of the command.
#[derive(Debug, Error)]
#[error("{problem}")]
pub struct InputError {
    problem: String,
    hint: Option<String>,
}

impl InputError {
    /// An error whose text says everything.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: None }
    }

    /// Adds what to do about it, printed on a line of its own.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A project that cannot be built is the input's fault; all else is not.
    pub fn of_build(error: BuildError) -> anyhow::Error {
        match error {
            BuildError::Project(error) => Self::from(error).into(),
            error => error.into(),
        }
    }

    #[cfg(feature = "server")]
    /// A server that cannot start with its configuration is the input's fault; all else is not.
    pub fn of_server(error: ServerError) -> anyhow::Error {
        match error {
            ServerError::Config(error) => Self::new(error.to_string()).hint(error.hint()).into(),
            error => error.into(),
        }
    }

    /// What to do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<ProjectError> for InputError {
    fn from(error: ProjectError) -> Self {
        Self { problem: error.to_string(), hint: error.hint_text().map(str::to_owned) }
    }
}
