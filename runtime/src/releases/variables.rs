//! Environment variables of an app: names, bounds, changes.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Variables of one app.
const MAX_VARIABLES: usize = 100;
/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 128;
/// Longest value, in bytes.
const MAX_VALUE_BYTES: usize = 32 << 10;
/// Names and values of one app together, in bytes: a module that asks for one gets all of them copied.
const MAX_TOTAL_BYTES: usize = 128 << 10;
/// The platform's own (`engine-contract` §5.5).
const RESERVED_PREFIXES: [&str; 4] = ["LEANCLOUD", "LEAN_CLI", "LC_", "HOOKD_"];

/// A value, and whether it may be shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// The text that functions read.
    pub value: String,
    /// Afterwards only the app's functions can read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable").field("value", &"<redacted>").field("secret", &self.secret).finish()
    }
}

/// Variables by name. Always within the bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variables(BTreeMap<String, Variable>);

/// Changes; the other variables stay.
#[derive(Clone, Debug, Default)]
pub struct VariableChanges {
    /// To give a value, a new one where there is one already.
    pub set: BTreeMap<String, Variable>,
    /// To take away.
    pub unset: Vec<String>,
}

/// A change that would break a rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidVariables {
    /// No name of a variable.
    #[error(
        "`{0}` cannot name a variable; use letters, digits and `_`, no digit first, {MAX_NAME_BYTES} characters at most"
    )]
    Name(String),
    /// The platform's own.
    #[error(
        "`{0}` cannot be set or unset: names that begin with `LEANCLOUD`, `LEAN_CLI`, `LC_` or `HOOKD_` are hookd's own"
    )]
    Reserved(String),
    /// Cannot stand in a list of variables.
    #[error("the value of `{0}` contains a NUL character, which no variable can hold; encode it, e.g. as base64")]
    Nul(String),
    /// Too long.
    #[error("the value of `{name}` has {length} bytes, {MAX_VALUE_BYTES} are allowed; keep large data in the module")]
    TooLong {
        /// The variable.
        name: String,
        /// Of the value, in bytes.
        length: usize,
    },
    /// Too many.
    #[error("the app would have {0} variables, {MAX_VARIABLES} are allowed; unset some first")]
    TooMany(usize),
    /// Too large.
    #[error("the app's variables would have {0} bytes, {MAX_TOTAL_BYTES} are allowed; unset some first")]
    TooLarge(usize),
    /// Not there.
    #[error("the variable `{0}` is not set")]
    Absent(String),
}

impl Variables {
    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.0.iter().map(|(name, variable)| (name.as_str(), variable))
    }

    /// A variable by name.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.0.get(name)
    }

    /// These variables with the changes made.
    ///
    /// # Errors
    /// The first rule that would be broken; nothing is changed then.
    pub fn with(&self, changes: VariableChanges) -> Result<Self, InvalidVariables> {
        let mut changed = self.0.clone();
        for name in changes.unset {
            check_name(&name)?;
            if changed.remove(&name).is_none() {
                return Err(InvalidVariables::Absent(name));
            }
        }
        for (name, variable) in changes.set {
            check_name(&name)?;
            check_value(&name, &variable.value)?;
            changed.insert(name, variable);
        }
        if changed.len() > MAX_VARIABLES {
            return Err(InvalidVariables::TooMany(changed.len()));
        }
        let bytes = changed.iter().map(|(name, variable)| name.len() + variable.value.len()).sum();
        if bytes > MAX_TOTAL_BYTES {
            return Err(InvalidVariables::TooLarge(bytes));
        }
        Ok(Self(changed))
    }
}

fn check_name(name: &str) -> Result<(), InvalidVariables> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins_well = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if !begins_well || name.len() > MAX_NAME_BYTES || !name.bytes().all(word) {
        return Err(InvalidVariables::Name(name.chars().take(64).flat_map(char::escape_default).collect()));
    }
    if RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(InvalidVariables::Reserved(name.to_owned()));
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<(), InvalidVariables> {
    if value.contains('\0') {
        return Err(InvalidVariables::Nul(name.to_owned()));
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(InvalidVariables::TooLong { name: name.to_owned(), length: value.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> VariableChanges {
        let variable = Variable { value: value.to_owned(), secret: false };
        VariableChanges { set: BTreeMap::from([(name.to_owned(), variable)]), unset: Vec::new() }
    }

    fn unset(name: &str) -> VariableChanges {
        VariableChanges { unset: vec![name.to_owned()], ..VariableChanges::default() }
    }

    #[test]
    fn variables_are_set_replaced_and_taken_away() {
        let one = Variables::default().with(set("A", "1")).unwrap();
        let two = one.with(set("_b2", "x=y\n")).unwrap().with(set("A", "2")).unwrap();
        let values: Vec<_> = two.iter().map(|(name, variable)| (name, variable.value.as_str())).collect();
        assert_eq!(values, [("A", "2"), ("_b2", "x=y\n")]);
        assert_eq!(two.with(unset("_b2")).unwrap().iter().count(), 1);
        assert_eq!(one.with(unset("B")), Err(InvalidVariables::Absent("B".to_owned())));
    }

    #[test]
    fn names_that_no_shell_takes_are_refused() {
        for name in ["", "1A", "A-B", "A B", "A=B", "É", "A\0", &"A".repeat(MAX_NAME_BYTES + 1)] {
            let refused = Variables::default().with(set(name, "1"));
            assert!(matches!(refused, Err(InvalidVariables::Name(_))), "{name}");
        }
    }

    #[test]
    fn names_of_the_platform_are_refused_with_the_reason() {
        for name in ["LEANCLOUD_APP_ID", "LEAN_CLI_HAVE_STAGING", "LC_APP_KEY", "HOOKD_X"] {
            for changes in [set(name, "1"), unset(name)] {
                let refused = Variables::default().with(changes).unwrap_err();
                assert_eq!(refused, InvalidVariables::Reserved(name.to_owned()));
                assert!(refused.to_string().contains("hookd's own"), "{refused}");
            }
        }
    }

    #[test]
    fn number_and_sizes_are_bounded() {
        assert_eq!(Variables::default().with(set("A", "a\0")), Err(InvalidVariables::Nul("A".to_owned())));
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        assert!(matches!(Variables::default().with(set("A", &long)), Err(InvalidVariables::TooLong { .. })));
        let many = |count: usize, length: usize| {
            let value = "x".repeat(length);
            let one = |at| (format!("V{at:03}"), Variable { value: value.clone(), secret: false });
            VariableChanges { set: (0..count).map(one).collect(), unset: Vec::new() }
        };
        assert!(Variables::default().with(many(MAX_VARIABLES, 1)).is_ok());
        assert_eq!(Variables::default().with(many(101, 1)), Err(InvalidVariables::TooMany(101)));
        assert!(matches!(Variables::default().with(many(5, MAX_VALUE_BYTES)), Err(InvalidVariables::TooLarge(_))));
    }

    #[test]
    fn debug_shows_no_value() {
        let variables = Variables::default().with(set("TOKEN", "hunter2")).unwrap();
        assert!(!format!("{variables:?}").contains("hunter2"));
    }
}
