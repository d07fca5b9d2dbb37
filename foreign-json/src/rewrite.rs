//! What JavaScript takes and `serde_json` does not, said so that it does.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

/// Shorter numbers without an exponent are in range.
const LONGEST_IN_RANGE: usize = 308;

/// The text without lone surrogates, and without numbers that are out of range.
pub(crate) fn for_serde_json(text: &str) -> Cow<'_, str> {
    let mut rewritten = String::new();
    let mut copied = 0;
    for (place, replacement) in replacements(text) {
        rewritten.push_str(text.get(copied..place.start).unwrap_or_default());
        rewritten.push_str(replacement);
        copied = place.end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    rewritten.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(rewritten)
}

/// In the order of their places.
fn replacements(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut in_string = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b'"' => {
                in_string = !in_string;
                at + 1
            }
            b'\\' if in_string => match escape(bytes, at) {
                Escape::Lone => {
                    found.push((at..at + UNIT, r"\ufffd"));
                    at + UNIT
                }
                Escape::Pair => at + 2 * UNIT,
                Escape::Other => at + 2,
            },
            b'-' | b'0'..=b'9' if !in_string => {
                let end = end_of_number(bytes, at);
                found.extend(text.get(at..end).and_then(in_range).map(|number| (at..end, number)));
                end
            }
            _ => at + 1,
        };
        at = end;
    }
    found
}

/// Bytes of `\ud83d`.
const UNIT: usize = 6;

enum Escape {
    /// Half of a surrogate pair.
    Lone,
    Pair,
    Other,
}

/// What the backslash at this place begins.
fn escape(bytes: &[u8], at: usize) -> Escape {
    match (unit(bytes, at), unit(bytes, at + UNIT)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => Escape::Pair,
        (Some(0xd800..=0xdfff), _) => Escape::Lone,
        _ => Escape::Other,
    }
}

/// The UTF-16 unit that is escaped at this place.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + UNIT)?.strip_prefix(br"\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | u16::try_from(char::from(*digit).to_digit(16)?).ok()?))
}

fn end_of_number(bytes: &[u8], start: usize) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    start + bytes.get(start..).unwrap_or_default().iter().take_while(|byte| is_part(byte)).count()
}

/// The greatest or smallest number, for one beyond it.
fn in_range(number: &str) -> Option<&'static str> {
    let may_be_out = number.len() > LONGEST_IN_RANGE || number.contains(['e', 'E']);
    if !may_be_out || !number.parse::<f64>().is_ok_and(f64::is_infinite) {
        return None;
    }
    // Rust reads more than JSON has, `1.e999` for one.
    serde_json::from_str::<IgnoredAny>(number).ok()?;
    Some(if number.starts_with('-') { "-1.7976931348623157e308" } else { "1.7976931348623157e308" })
}
