//! Numbers as Redis reads and writes them.

use super::CommandError;
use super::long_double::{LongDouble, Parsed};
use crate::reply::Data;

pub(super) const NOT_A_FLOAT: CommandError = CommandError::new("ERR value is not a valid float");

/// A whole number in its one decimal form: no blanks, no `+`, no leading zeros.
pub(super) fn integer(text: &[u8]) -> Result<i64, CommandError> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    number.filter(|number| number.to_string().as_bytes() == text).ok_or(CommandError::NOT_AN_INTEGER)
}

/// A number with or without a fraction, also a hexadecimal one; `inf` and `-inf` too. Not one that is too great or too small.
pub(super) fn float(text: &[u8]) -> Result<f64, CommandError> {
    let text = std::str::from_utf8(text).map_err(|_| NOT_A_FLOAT)?;
    let number = c_float(text).ok_or(NOT_A_FLOAT)?;
    let is_out_of_range = match number {
        number if number.is_infinite() => text.contains(|digit: char| digit.is_ascii_digit()),
        0.0 => has_a_digit_besides_zero(text),
        _ => false,
    };
    if is_out_of_range { Err(NOT_A_FLOAT) } else { Ok(number) }
}

/// The end of a range of scores: what C takes for a number, blanks before it and nothing at all included.
pub(super) fn bound(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    if text.is_empty() { Some(0.0) } else { c_float(text) }
}

/// As C's `strtod` reads it, to the end; no NaN.
fn c_float(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("0x")) {
        return match LongDouble::parse(text.as_bytes())? {
            Parsed::Finite(number) => Some(number.to_f64()),
            Parsed::Infinite => None,
        };
    }
    text.parse::<f64>().ok().filter(|number| !number.is_nan())
}

fn has_a_digit_besides_zero(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    mantissa.contains(|digit| matches!(digit, '1'..='9'))
}

/// The shortest text that reads back as this number; with an exponent where C's `%.17g` has one.
pub(super) fn float_text(number: f64) -> Data {
    let number = if number == 0.0 { 0.0 } else { number };
    let scientific = format!("{number:e}");
    let text = match scientific.split_once('e').map(|(mantissa, exponent)| (mantissa, exponent.parse::<i32>())) {
        Some((mantissa, Ok(exponent))) if !(-4..17).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => number.to_string(),
    };
    text.into_bytes().into()
}

/// The sum of two numbers as texts, with the precision that Redis has: 0.1 and 0.2 are 0.3.
///
/// # Errors
/// `not_a_float` for what is stored, where there is something.
pub(super) fn float_sum(stored: Option<&[u8]>, by: &[u8], not_a_float: CommandError) -> Result<Data, CommandError> {
    const INFINITE: CommandError = CommandError::new("ERR increment would produce NaN or Infinity");
    let before = match stored.map(LongDouble::parse) {
        None => LongDouble::ZERO,
        Some(Some(Parsed::Finite(number))) => number,
        Some(Some(Parsed::Infinite)) => return Err(INFINITE),
        Some(None) => return Err(not_a_float),
    };
    match LongDouble::parse(by) {
        Some(Parsed::Finite(by)) => Ok(before.add(by).ok_or(INFINITE)?.text().into_bytes().into()),
        Some(Parsed::Infinite) => Err(INFINITE),
        None => Err(NOT_A_FLOAT),
    }
}

/// Where indices that may count from the end (-1 is the last) begin and end, the end not included.
pub(super) fn range(first: i64, last: i64, length: usize) -> std::ops::Range<usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let from_start = |index: i64| if index < 0 { index.saturating_add(length) } else { index };
    let start = from_start(first).max(0);
    let end = from_start(last).saturating_add(1).clamp(0, length);
    if start >= end {
        return 0..0;
    }
    usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX)
}

/// True when an argument is this word, in letters of any case.
pub(super) fn is(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_form() {
        assert_eq!(integer(b"-12"), Ok(-12));
        assert_eq!(integer(b"0"), Ok(0));
        for text in ["", "+1", "01", " 1", "1 ", "-0", "1.0", "9223372036854775808"] {
            assert!(integer(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn floats_are_written_without_needless_digits() {
        for (number, text) in
            [(3.0, "3"), (1.5, "1.5"), (0.1, "0.1"), (-0.0, "0"), (f64::INFINITY, "inf"), (1e16, "10000000000000000")]
                .into_iter()
                .chain([(1.5e17, "1.5e+17"), (1e-5, "1e-05"), (-1e308, "-1e+308"), (0.0001, "0.0001")])
        {
            assert_eq!(&*float_text(number), text.as_bytes());
        }
        for text in ["nan", "", " 1", "1 ", "1e400", "-1e400", "1e-400", "0x", "1e"] {
            assert!(float(text.as_bytes()).is_err(), "{text}");
        }
        for (text, number) in
            [("0e400", 0.0), (".5", 0.5), ("5.", 5.0), ("-0x1.8p1", -3.0), ("+Infinity", f64::INFINITY)]
        {
            assert_eq!(float(text.as_bytes()), Ok(number), "{text}");
        }
        for (text, number) in
            [("", Some(0.0)), (" 1", Some(1.0)), ("1e400", Some(f64::INFINITY)), ("nan", None), ("1 ", None)]
        {
            assert_eq!(bound(text.as_bytes()), number, "{text}");
        }
        assert_eq!(float(b"-inf"), Ok(f64::NEG_INFINITY));
    }

    #[test]
    fn ranges_count_from_both_ends_and_stay_inside() {
        for (first, last, expected) in [
            (0, -1, 0..5),
            (-2, -1, 3..5),
            (1, 2, 1..3),
            (3, 1, 0..0),
            (-100, 100, 0..5),
            (5, 9, 0..0),
            (0, i64::MAX, 0..5),
            (0, i64::MIN, 0..0),
        ] {
            assert_eq!(range(first, last, 5), expected, "{first} {last}");
        }
    }
}
