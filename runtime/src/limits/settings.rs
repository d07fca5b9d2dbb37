//! The limits that an app set for itself or for single functions; everything else keeps its default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::Limits;
use crate::rpc::FunctionKind;

/// Values by the limit's name. What is absent comes from the next wider scope.
pub type Overrides = BTreeMap<String, u64>;

/// What an app set. A function's value wins over the app's, the app's over the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// For all functions.
    pub app: Overrides,
    /// For single functions, by name. `concurrency` and `queue` of a function count besides those of the app.
    pub functions: BTreeMap<String, Overrides>,
}

/// A limit that does not exist, or one under which nothing could run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidLimits {
    /// A value out of its range.
    #[error("limit `{name}` must be {allowed}")]
    OutOfRange {
        /// The limit.
        name: &'static str,
        /// The range, in words.
        allowed: &'static str,
    },
    /// A name that no limit has.
    #[error("there is no limit `{name}`; there are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// A value that no number of this size fits into.
    #[error("limit `{name}` cannot be {value}")]
    TooLarge {
        /// The limit.
        name: String,
        /// The value.
        value: u64,
    },
}

impl LimitSettings {
    /// Every value of `limits` that is not its default, for all functions.
    pub fn for_app(limits: &Limits) -> Self {
        let defaults = numbers(&Limits::default());
        let set = numbers(limits).into_iter().filter(|(name, value)| defaults.get(name) != Some(value));
        let app = set.filter_map(|(name, value)| Some((name, value.as_u64()?))).collect();
        Self { app, functions: BTreeMap::new() }
    }

    /// What holds for functions of this kind that have no limits of their own.
    ///
    /// # Errors
    /// [`InvalidLimits`] when a value is out of its range.
    pub fn of_kind(&self, kind: FunctionKind) -> Result<Limits, InvalidLimits> {
        changed(Limits::of_kind(kind), [&self.app])
    }

    /// What holds for a function.
    ///
    /// # Errors
    /// [`InvalidLimits`] when a value is out of its range.
    pub fn of_function(&self, name: &str) -> Result<Limits, InvalidLimits> {
        let own = self.functions.get(name).into_iter();
        changed(Limits::of_kind(FunctionKind::of(name)), std::iter::once(&self.app).chain(own))
    }

    /// Refuses names that no limit has, and values out of their range.
    ///
    /// # Errors
    /// The first [`InvalidLimits`].
    pub fn validate(&self) -> Result<(), InvalidLimits> {
        self.of_kind(FunctionKind::Function)?;
        self.functions.keys().try_for_each(|name| self.of_function(name).map(drop))
    }
}

fn changed<'a>(defaults: Limits, overrides: impl IntoIterator<Item = &'a Overrides>) -> Result<Limits, InvalidLimits> {
    let mut values = numbers(&defaults);
    for (name, value) in overrides.into_iter().flatten() {
        let Some(present) = values.get_mut(name) else {
            let known = values.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(InvalidLimits::Unknown { name: name.clone(), known });
        };
        *present = (*value).into();
        // One at a time, so that the error names the limit: the types of some are smaller than 64 bits.
        if serde_json::from_value::<Limits>(Value::Object(Map::from_iter([(name.clone(), (*value).into())]))).is_err() {
            return Err(InvalidLimits::TooLarge { name: name.clone(), value: *value });
        }
    }
    let limits: Limits = serde_json::from_value(Value::Object(values)).unwrap_or(defaults);
    limits.validate()?;
    Ok(limits)
}

/// All limits by name.
fn numbers(limits: &Limits) -> Map<String, Value> {
    match serde_json::to_value(limits) {
        Ok(Value::Object(numbers)) => numbers,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(app: &[(&str, u64)], function: &[(&str, u64)]) -> LimitSettings {
        let overrides =
            |pairs: &[(&str, u64)]| pairs.iter().map(|&(name, value)| (name.to_owned(), value)).collect::<Overrides>();
        LimitSettings {
            app: overrides(app),
            functions: BTreeMap::from([("_messageReceived".to_owned(), overrides(function))]),
        }
    }

    #[test]
    fn deadlines_go_by_the_kind_of_a_function_until_the_app_sets_one() {
        let deadline = |settings: &LimitSettings, name| settings.of_function(name).unwrap().deadline_ms;
        let none = LimitSettings::default();
        assert_eq!(
            ["_messageReceived", "_messageSent", "hello"].map(|name| deadline(&none, name)),
            [10_000, 3_000, 15_000]
        );
        let set = settings(&[("deadline_ms", 2_000)], &[("deadline_ms", 500)]);
        assert_eq!(["_messageReceived", "_messageSent", "hello"].map(|name| deadline(&set, name)), [500, 2_000, 2_000]);
    }

    #[test]
    fn a_function_keeps_what_only_the_app_set() {
        let set = settings(&[("memory_bytes", 1 << 20)], &[("log_lines", 5)]);
        let limits = set.of_function("_messageReceived").unwrap();
        assert_eq!((limits.memory_bytes, limits.log_lines), (1 << 20, 5));
        assert_eq!(set.of_function("hello").unwrap().log_lines, Limits::default().log_lines);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (name, value) in [("memory", 1), ("concurrency", 0), ("log_lines", u64::MAX), ("queue", 1 << 40)] {
            for set in [settings(&[(name, value)], &[]), settings(&[], &[(name, value)])] {
                let refused = set.validate().unwrap_err().to_string();
                assert!(refused.contains(&format!("`{name}`")), "{refused}");
            }
        }
    }

    #[test]
    fn defaults_count_as_not_set() {
        assert_eq!(LimitSettings::for_app(&Limits::default()), LimitSettings::default());
        let set = LimitSettings::for_app(&Limits { queue: 7, ..Limits::default() });
        assert_eq!(set.app, Overrides::from([("queue".to_owned(), 7)]));
    }
}
