//! `NAME=VALUE` of a limit, with units.

use api_types::Limits;
use serde_json::Value;

/// Function, name and value.
pub fn function_limit(text: &str) -> Result<(String, String, Option<u64>), String> {
    let example = "expected FUNCTION:NAME=VALUE, e.g. _messageReceived:deadline_ms=500ms";
    let (function, limit) = text.split_once(':').filter(|(function, _)| !function.is_empty()).ok_or(example)?;
    let (name, value) = parse_limit(limit)?;
    Ok((function.to_owned(), name, value))
}

/// Name, and value in the unit that the name ends with; `None` for `default`. Ranges are the server's to check.
pub fn parse_limit(text: &str) -> Result<(String, Option<u64>), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, e.g. memory_bytes=64MiB")?;
    let known = known_limits();
    if !known.iter().any(|limit| limit == name) {
        return Err(format!("unknown limit `{name}`; the limits are {}", known.join(", ")));
    }
    if value == "default" {
        return Ok((name.to_owned(), None));
    }
    let parsed = if let Ok(number) = value.parse() {
        Some(number)
    } else if name.ends_with("_ms") {
        humantime::parse_duration(value).ok().and_then(|duration| u64::try_from(duration.as_millis()).ok())
    } else if name.ends_with("_bytes") {
        bytes(value)
    } else {
        None
    };
    let example = match name {
        name if name.ends_with("_ms") => "a duration such as 500ms or 2s",
        name if name.ends_with("_bytes") => "a size such as 65536, 64KiB or 64MiB",
        _ => "a whole number",
    };
    let value = parsed.ok_or_else(|| format!("`{value}` is not a value of `{name}`; give {example}, or `default`"))?;
    Ok((name.to_owned(), Some(value)))
}

fn known_limits() -> Vec<String> {
    match serde_json::to_value(Limits::default()) {
        Ok(Value::Object(limits)) => limits.into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    }
}

#[cfg(feature = "server")]
/// A size with a unit (`64MiB`), or in bytes.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let parsed = text.parse().ok().or_else(|| bytes(text));
    parsed.ok_or_else(|| format!("`{text}` is not a size; give 65536, 64KiB or 64MiB"))
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_the_name() {
        for (text, expected) in [
            ("memory_bytes=64MiB", 64 << 20),
            ("memory_bytes=64 MB", 64_000_000),
            ("log_bytes=1k", 1_024),
            ("reply_bytes=77", 77),
            ("deadline_ms=2s", 2_000),
            ("cpu_time_ms=1500", 1_500),
            ("concurrency=3", 3),
        ] {
            assert_eq!(parse_limit(text).map(|(_, value)| value), Ok(Some(expected)), "{text}");
        }
        assert_eq!(parse_limit("queue=default"), Ok(("queue".to_owned(), None)));
    }

    #[test]
    fn a_functions_limit_names_the_function() {
        let (function, name, value) = function_limit("_messageReceived:deadline_ms=2s").unwrap();
        assert_eq!((function.as_str(), name.as_str(), value), ("_messageReceived", "deadline_ms", Some(2_000)));
        for text in ["deadline_ms=2s", ":deadline_ms=2s"] {
            assert!(function_limit(text).unwrap_err().contains("FUNCTION:NAME=VALUE"), "{text}");
        }
        assert!(function_limit("f:memory=1").unwrap_err().contains("memory_bytes"));
    }

    #[test]
    fn values_without_sense_are_refused_with_an_example() {
        for (text, word) in [
            ("memory=64MiB", "memory_bytes"),
            ("memory_bytes", "NAME=VALUE"),
            ("memory_bytes=64 apples", "64MiB"),
            ("memory_bytes=99999999999GiB", "64MiB"),
            ("deadline_ms=soon", "500ms"),
            ("concurrency=2s", "whole number"),
            ("concurrency=-1", "whole number"),
        ] {
            let refused = parse_limit(text).unwrap_err();
            assert!(refused.contains(word), "{text}: {refused}");
        }
    }
}
