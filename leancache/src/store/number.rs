//! Numbers as Redis reads and writes them.

use super::CommandError;
use crate::reply::Data;

const NOT_A_FLOAT: CommandError = CommandError::new("ERR value is not a valid float");

/// A whole number in its one decimal form: no blanks, no `+`, no leading zeros.
pub(super) fn integer(text: &[u8]) -> Result<i64, CommandError> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    number.filter(|number| number.to_string().as_bytes() == text).ok_or(CommandError::NOT_AN_INTEGER)
}

/// A number with or without a fraction; `inf` and `-inf` too.
pub(super) fn float(text: &[u8]) -> Result<f64, CommandError> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    number.filter(|number| !number.is_nan()).ok_or(NOT_A_FLOAT)
}

/// The shortest text that reads back as this number.
pub(super) fn float_text(number: f64) -> Data {
    let number = if number == 0.0 { 0.0 } else { number };
    number.to_string().into_bytes().into()
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
        for (number, text) in [(3.0, "3"), (1.5, "1.5"), (0.1, "0.1"), (-0.0, "0"), (f64::INFINITY, "inf")] {
            assert_eq!(&*float_text(number), text.as_bytes());
        }
        assert!(float(b"nan").is_err());
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
