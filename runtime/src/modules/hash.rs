//! Names of modules.

use std::fmt;

use sha2::{Digest as _, Sha256};

use api_types::Bundle;

/// The SHA-256 of a module's bytes, which is its name. That of a bundle begins with [`BUNDLE`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ModuleHash(pub(crate) String);

const BUNDLE: &str = "bundle-";

impl ModuleHash {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let digest = hex::encode(Sha256::digest(bytes));
        Self(if Bundle::is_meant_by(bytes) { format!("{BUNDLE}{digest}") } else { digest })
    }

    /// Its machine code depends on the variables with which its files are loaded.
    pub(super) fn is_bundle(&self) -> bool {
        self.0.starts_with(BUNDLE)
    }
}

impl fmt::Display for ModuleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
