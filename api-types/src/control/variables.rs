//! Environment variables of an app.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Environment;

/// Which variables that functions read to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenQuery {
    /// Of the versions of this environment; production without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The app's keys too.
    #[serde(default)]
    pub keys: bool,
}

/// A variable as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownVariable {
    /// Its name.
    pub name: String,
    /// Its value; `null` for a secret.
    pub value: Option<String>,
    /// True when its value is not shown.
    pub secret: bool,
}

/// The variables of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedVariables {
    /// Those that the next version gets.
    pub variables: Vec<ShownVariable>,
    /// Names whose values differ in what is live.
    pub differs: DifferingVariables,
}

/// Names of variables whose values differ from those that the next version gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferingVariables {
    /// In production's version.
    pub production: Vec<String>,
    /// In staging's version.
    pub staging: Vec<String>,
}

/// Changes; other variables stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VariableChanges {
    /// New values, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, NewVariable>,
    /// Names to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unset: Vec<String>,
}

/// A new value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewVariable {
    /// The text that functions read.
    pub value: String,
    /// Afterwards only the app's functions can read it.
    #[serde(default)]
    pub secret: bool,
}

impl fmt::Debug for NewVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewVariable").field("value", &"<redacted>").field("secret", &self.secret).finish()
    }
}
