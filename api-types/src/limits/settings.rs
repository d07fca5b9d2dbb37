//! The limits that an app set for itself or for single functions; everything else keeps its default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::Limits;
use crate::FunctionKind;

/// Values by the limit's name. Absent values come from the next wider scope.
pub type Overrides = BTreeMap<String, u64>;

/// The values that an app set. A function's value wins over the app's, the app's over the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// For all functions.
    pub app: Overrides,
    /// For single functions, by name. `concurrency` and `queue` of a function count besides those of the app.
    pub functions: BTreeMap<String, Overrides>,
    /// The most that the app gets, as the operator says; the default where the operator says nothing.
    pub max: Overrides,
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
    #[error("unknown limit `{name}`; the limits are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// All names.
        known: String,
    },
    /// A limit that bounds the app, set for a function.
    #[error("limit `{0}` applies to the app, not to a single function")]
    OfAppOnly(String),
    /// More than the app gets.
    #[error(
        "limit `{name}` of this app is at most {max}; the operator raises that with `hookd settings --max-limit {name}={value}`"
    )]
    AboveMaximum {
        /// The limit.
        name: String,
        /// The value.
        value: u64,
        /// The most that the app gets.
        max: u64,
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
    /// Every value of `limits` that is not its default, for all functions; the operator allows them.
    pub fn for_app(limits: &Limits) -> Self {
        let defaults = numbers(&Limits::default());
        let set = numbers(limits).into_iter().filter(|(name, value)| defaults.get(name) != Some(value));
        let app: Overrides = set.filter_map(|(name, value)| Some((name, value.as_u64()?))).collect();
        let is_raised = |name: &str, value: u64| defaults.get(name).and_then(Value::as_u64) < Some(value);
        let max =
            app.iter().filter(|(name, value)| is_raised(name, **value)).map(|(name, value)| (name.clone(), *value));
        Self { max: max.collect(), app, functions: BTreeMap::new() }
    }

    /// Refuses values above those that the app gets.
    ///
    /// # Errors
    /// [`InvalidLimits::AboveMaximum`].
    pub fn check_maximum(&self, name: &str, value: u64) -> Result<(), InvalidLimits> {
        match self.maximum(name, &numbers(&Limits::default())) {
            Some(max) if value > max => Err(InvalidLimits::AboveMaximum { name: name.to_owned(), value, max }),
            _ => Ok(()),
        }
    }

    /// The values that are more than the app gets: limit, value, and the value that holds instead.
    pub fn above_maximum(&self) -> Vec<(String, u64, u64)> {
        let defaults = numbers(&Limits::default());
        let all = self.functions.values().chain([&self.app]).flatten();
        let above = all.filter_map(|(name, value)| Some((name.clone(), *value, self.maximum(name, &defaults)?)));
        above.filter(|(_, value, max)| value > max).collect()
    }

    /// `None` for a name that no limit has.
    fn maximum(&self, name: &str, defaults: &Map<String, Value>) -> Option<u64> {
        self.max.get(name).copied().or_else(|| defaults.get(name)?.as_u64())
    }

    /// The limits of functions of this kind that have none of their own.
    ///
    /// # Errors
    /// [`InvalidLimits`] when a value is out of its range.
    pub fn of_kind(&self, kind: FunctionKind) -> Result<Limits, InvalidLimits> {
        self.changed(Limits::of_kind(kind), [&self.app])
    }

    /// The limits of a function.
    ///
    /// # Errors
    /// [`InvalidLimits`] when a value is out of its range.
    pub fn of_function(&self, name: &str) -> Result<Limits, InvalidLimits> {
        let own = self.functions.get(name);
        if own.is_some_and(|own| own.contains_key(OF_APP_ONLY)) {
            return Err(InvalidLimits::OfAppOnly(OF_APP_ONLY.to_owned()));
        }
        self.changed(Limits::of_kind(FunctionKind::of(name)), std::iter::once(&self.app).chain(own))
    }

    /// Refuses names that no limit has, and values out of their range.
    ///
    /// # Errors
    /// The first [`InvalidLimits`].
    pub fn validate(&self) -> Result<(), InvalidLimits> {
        changed(Limits::default(), [&self.max])?.validate()?;
        self.of_kind(FunctionKind::Function)?;
        self.functions.keys().try_for_each(|name| self.of_function(name).map(drop))
    }

    /// The defaults, with what was set, and nothing above what the app gets.
    fn changed<'a>(
        &self,
        defaults: Limits,
        overrides: impl IntoIterator<Item = &'a Overrides>,
    ) -> Result<Limits, InvalidLimits> {
        let (most, limits) = (numbers(&Limits::default()), changed(defaults, overrides)?);
        // The text names the value that was set, not the reduced one.
        limits.validate()?;
        let mut values = numbers(&limits);
        for (name, value) in &mut values {
            if let (Some(set), Some(max)) = (value.as_u64(), self.maximum(name, &most)) {
                *value = set.min(max).into();
            }
        }
        let limits: Limits = serde_json::from_value(Value::Object(values)).unwrap_or(limits);
        limits.validate()?;
        Ok(limits)
    }
}

/// Bounds what no single call uses.
const OF_APP_ONLY: &str = "disk_bytes";

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
    Ok(serde_json::from_value(Value::Object(values)).unwrap_or(defaults))
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
            max: Overrides::new(),
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
    fn values_without_sense_are_refused_by_name() {
        for (name, value) in [("memory", 1), ("concurrency", 0), ("log_lines", u64::MAX), ("queue", 1 << 40)] {
            for set in [settings(&[(name, value)], &[]), settings(&[], &[(name, value)])] {
                let refused = set.validate().unwrap_err().to_string();
                assert!(refused.contains(&format!("`{name}`")), "{refused}");
            }
        }
    }

    #[test]
    fn an_app_gets_no_more_than_the_default_or_what_the_operator_says() {
        let concurrency = |set: &LimitSettings| set.of_function("_messageReceived").unwrap().concurrency;
        let mut set = settings(&[("concurrency", 100_000)], &[]);
        assert_eq!((concurrency(&set), set.validate()), (64, Ok(())));
        assert_eq!(set.above_maximum(), [("concurrency".to_owned(), 100_000, 64)]);
        assert!(set.check_maximum("concurrency", 64).is_ok());
        let refused = set.check_maximum("concurrency", 65).unwrap_err().to_string();
        assert!(refused.contains("at most 64") && refused.contains("--max-limit concurrency=65"), "{refused}");
        set.max.insert("concurrency".to_owned(), 200);
        assert_eq!(concurrency(&set), 200);
        set.max.insert("concurrency".to_owned(), 8);
        assert_eq!(concurrency(&set), 8);
        let set = settings(&[], &[("memory_bytes", 4 << 30)]);
        assert_eq!(set.of_function("_messageReceived").unwrap().memory_bytes, Limits::default().memory_bytes);
        // Their own defaults are lower.
        let set = settings(&[("deadline_ms", 15_000)], &[]);
        assert_eq!(set.of_function("_messageSent").unwrap().deadline_ms, 15_000);
    }

    #[test]
    fn values_without_sense_as_a_maximum_or_for_a_function_are_refused() {
        for (name, value) in [("memory", 1), ("concurrency", 0), ("log_lines", u64::MAX)] {
            let set = LimitSettings { max: [(name.to_owned(), value)].into(), ..LimitSettings::default() };
            assert!(set.validate().unwrap_err().to_string().contains(&format!("`{name}`")), "{name}");
        }
        let refused = settings(&[], &[("disk_bytes", 5)]).validate().unwrap_err();
        assert_eq!(refused, InvalidLimits::OfAppOnly("disk_bytes".to_owned()));
        assert!(settings(&[("disk_bytes", 5)], &[]).validate().is_ok());
    }

    #[test]
    fn defaults_count_as_not_set() {
        assert_eq!(LimitSettings::for_app(&Limits::default()), LimitSettings::default());
        let set = LimitSettings::for_app(&Limits { queue: 7, ..Limits::default() });
        assert_eq!(set.app, Overrides::from([("queue".to_owned(), 7)]));
    }
}
