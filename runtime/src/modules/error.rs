//! Why a module cannot run.

use thiserror::Error;

use super::{BoxedError, ModuleHash, Refusal};

/// Why an upload or a stored module did not become machine code.
#[derive(Debug, Error)]
pub(crate) enum ModuleError {
    /// The module is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The engine is.
    #[error("{what}")]
    Internal {
        what: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ModuleError {
    pub(super) fn internal(what: impl Into<String>) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Self {
        let what = what.into();
        move |source| Self::Internal { what, source }
    }

    /// The store does not give a module back as it was deployed.
    pub(super) fn lost(hash: &ModuleHash, how: &str, source: BoxedError) -> Self {
        let what = format!(
            "the stored module `{hash}` {how}; deploy it again, or restore its file in the folder `modules` from a backup"
        );
        Self::Internal { what, source }
    }
}
