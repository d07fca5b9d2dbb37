//! Why a server does not start, or does not go on.

use std::error::Error;
use std::io;

use api_types::ConnectionError;
use api_types::private_file::WriteError;
use thiserror::Error;

/// Any error, as a cause.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// The configuration or the machine does not allow what was asked for; its operator can change that.
#[derive(Debug, Error)]
#[error("{problem}")]
pub struct ConfigError {
    problem: String,
    hint: String,
}

impl ConfigError {
    /// The hint says what to do about it.
    pub fn new(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: hint.into() }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

/// Why a server does not start, or does not go on.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The configuration is at fault.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file that tells commands where the server is.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A file of the data folder cannot be written.
    #[error(transparent)]
    Unwritable(#[from] WriteError),
    /// The system refused something.
    #[error(transparent)]
    System(#[from] io::Error),
    /// A step failed.
    #[error("{step}")]
    Failed {
        /// What was tried, such as "cannot open `im.db`".
        step: String,
        #[source]
        /// Why it failed.
        cause: BoxError,
    },
    /// Something that must be there is not.
    #[error("{0}")]
    Missing(String),
}

impl ServerError {
    /// A step that failed.
    pub(crate) fn failed(step: impl Into<String>, cause: impl Into<BoxError>) -> Self {
        Self::Failed { step: step.into(), cause: cause.into() }
    }
}

/// Names the step that an error belongs to.
pub(crate) trait Step<T> {
    /// `step` says what was tried.
    fn step(self, step: impl FnOnce() -> String) -> Result<T, ServerError>;
}

impl<T, E: Into<BoxError>> Step<T> for Result<T, E> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, ServerError> {
        self.map_err(|cause| ServerError::failed(step(), cause))
    }
}

/// An error and its causes, from the outermost to the first one.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// An error with its causes, on one line of the log.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    // A transparent error has the text of its cause.
    texts.dedup();
    texts.join(": ")
}
