//! The two environments of an app.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where a version is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Serves users; IM hooks run from here only (EC-25).
    Production,
    /// For trying a version by hand: `X-LC-Prod: 0`.
    Staging,
}

impl Environment {
    /// The word used in URLs, logs, the database and the context of a call.
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no environment.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an environment; use `production` or `staging`")]
pub struct UnknownEnvironment(pub String);

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(word: &str) -> Result<Self, UnknownEnvironment> {
        match word {
            "production" => Ok(Self::Production),
            "staging" => Ok(Self::Staging),
            other => Err(UnknownEnvironment(other.to_owned())),
        }
    }
}
