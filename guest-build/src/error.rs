//! Why a project was not built.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A fault of the project, or of the compilers of this machine: the developer can mend it.
#[derive(Debug, Error)]
#[error("{problem}")]
pub struct ProjectError {
    problem: String,
    hint: Option<String>,
}

impl ProjectError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Why a project was not built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The developer can mend it.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A file or folder cannot be read or written.
    #[error("cannot {action} `{path}`")]
    File {
        /// E.g. "read".
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A tool cannot be started, or said something that was not expected.
    #[error("{problem}")]
    Tool {
        /// What went wrong.
        problem: &'static str,
        /// Why.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The compiler's output cannot become a component.
    #[error("{problem}: {reason}")]
    Component {
        /// What went wrong.
        problem: &'static str,
        /// The error of the encoder or the parser.
        reason: String,
    },
}

impl BuildError {
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    pub(crate) fn tool<E>(problem: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Tool { problem, source: Some(source.into()) }
    }

    pub(crate) fn component<E: std::fmt::Display>(problem: &'static str) -> impl FnOnce(E) -> Self {
        // `{:#}` shows the whole chain of an encoder's error.
        move |reason| Self::Component { problem, reason: format!("{reason:#}") }
    }
}
