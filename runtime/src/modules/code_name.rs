//! What machine code is made of, and so is named by.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{ModuleHash, javascript};
use crate::sandbox::GuestVariables;

/// The environment variables that the files of a bundle read while they are loaded.
#[derive(Clone, Default)]
pub(crate) struct LoadVariables(Arc<[(String, String)]>);

impl LoadVariables {
    /// By name; the order means nothing.
    pub(crate) fn new(mut variables: Vec<(String, String)>) -> Self {
        variables.sort_unstable();
        Self(variables.into())
    }

    /// As a guest reads them.
    pub(super) fn for_guest(&self) -> GuestVariables {
        let variables = self.0.clone();
        Arc::new(move || variables.to_vec())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Values may be secrets.
impl fmt::Debug for LoadVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoadVariables(<redacted>)")
    }
}

/// The machine code of a module; of a bundle there is one for each set of variables that it was loaded with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CodeName {
    pub(super) module: ModuleHash,
    /// For a bundle: the SHA-256 of its JavaScript engine and its variables, in hexadecimal.
    loaded: Option<String>,
}

impl CodeName {
    /// Only the code of a bundle depends on the variables.
    pub(super) fn new(module: &ModuleHash, variables: &LoadVariables) -> Self {
        let loaded = module.is_bundle().then(|| {
            let mut digest = Sha256::new();
            digest.update(javascript::engines_digest());
            for text in variables.iter().flat_map(|(name, value)| [name, value]) {
                digest.update((text.len() as u64).to_le_bytes());
                digest.update(text);
            }
            hex::encode(digest.finalize())
        });
        Self { module: module.clone(), loaded }
    }
}

impl fmt::Display for CodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.loaded {
            Some(loaded) => write!(f, "{}-{loaded}", self.module),
            None => self.module.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> LoadVariables {
        LoadVariables::new(pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn only_code_of_a_bundle_is_named_by_its_variables() {
        let component = ModuleHash::of(b"\0asm");
        let name = |module, pairs: &[(&str, &str)]| CodeName::new(module, &variables(pairs));
        assert_eq!(name(&component, &[("A", "1")]), name(&component, &[]));
        let bundle = ModuleHash::of(br#"{"hookdBundle":1}"#);
        assert_eq!(name(&bundle, &[("A", "1"), ("B", "2")]), name(&bundle, &[("B", "2"), ("A", "1")]));
        assert_ne!(name(&bundle, &[("A", "1")]), name(&bundle, &[("A", "2")]));
        assert_ne!(name(&bundle, &[("A", "1B2")]), name(&bundle, &[("A", "1"), ("B", "2")]));
    }
}
