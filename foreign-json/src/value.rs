//! Values, and how deep they nest.

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::error::{Error, MAX_DEPTH};

/// Greatest whole number up to which a float is exact.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Reads a value. Whole numbers are whole, however they are written.
pub(crate) fn read(text: &str) -> Result<Value, Error> {
    // Invalid JSON is refused before a tree is built: a tree takes many times the memory of its text.
    serde_json::from_str::<IgnoredAny>(text).map_err(Error::Malformed)?;
    let mut value = serde_json::from_str(text)
        .map_err(|error| if depth(text) > MAX_DEPTH { Error::TooDeep } else { Error::Malformed(error) })?;
    make_whole(&mut value);
    Ok(value)
}

/// How deep a text nests that is JSON: 1 for `[]`.
pub fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// `5.0` and `5e0` become `5`.
fn make_whole(value: &mut Value) {
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::Number(number) => {
                if let Some(whole) = number.as_f64().filter(|_| number.is_f64()).and_then(whole) {
                    *number = whole.into();
                }
            }
            Value::Array(values) => left.extend(values),
            Value::Object(members) => left.extend(members.values_mut()),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is whole, and in range")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= MAX_SAFE_INTEGER).then_some(number as i64)
}
