//! What separates one call of a version from the next.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Chosen for each version when it is deployed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// A fresh instance for each call: nothing of one call is visible in the next.
    #[default]
    PerCall,
    /// An instance serves many calls, one after the other, and is dropped after any outcome but a reply. For modules with a
    /// language runtime inside, whose start costs more than a call.
    Warm,
}

/// A word that names no isolation.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an isolation; use `per-call` or `warm`")]
pub struct UnknownIsolation(String);

impl Isolation {
    /// As in commands, answers and the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::PerCall => "per-call",
            Self::Warm => "warm",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isolation {
    type Err = UnknownIsolation;

    fn from_str(name: &str) -> Result<Self, UnknownIsolation> {
        [Self::PerCall, Self::Warm]
            .into_iter()
            .find(|isolation| isolation.name() == name)
            .ok_or_else(|| UnknownIsolation(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for isolation in [Isolation::PerCall, Isolation::Warm] {
            assert_eq!(isolation.name().parse(), Ok(isolation));
            assert_eq!(serde_json::to_value(isolation).unwrap(), isolation.name());
        }
        assert_eq!("cold".parse::<Isolation>(), Err(UnknownIsolation("cold".to_owned())));
    }
}
