//! What the settings of a new app begin with.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A set of initial settings. Only a beginning: every setting can be changed afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// As LeanCloud's apps begin: clients have rate limits, and features are off that LeanCloud's dashboard switches on.
    #[default]
    Leancloud,
    /// Every feature on, no rate limit: for development, tests and measurements.
    Open,
}

/// Not the name of a profile.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a profile; use `leancloud` or `open`")]
pub struct UnknownProfile(pub String);

impl Profile {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Leancloud, Self::Open];

    /// True for the one that an app has whose creator chooses none.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Its name in requests, rows and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leancloud => "leancloud",
            Self::Open => "open",
        }
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        Self::ALL.into_iter().find(|profile| profile.name() == name).ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}
