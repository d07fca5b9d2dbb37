//! The numbers that Redis adds in `INCRBYFLOAT`: C's `long double` on x86-64, with 64 bits of precision. Only so does
//! 0.1 + 0.2 give 0.3, and only so does every other sum give what Redis gives.

use std::cmp::Ordering;

/// Longest text that is read as a number.
const MAX_TEXT_BYTES: usize = 5 * 1024;
/// Digits behind the point that are written.
const FRACTION_DIGITS: u32 = 17;
/// Numbers with more digits before the point are infinite; those with more zeros behind it are zero.
const MAX_DECIMAL_DIGITS: i64 = 5_000;
/// Of a mantissa between 2^63 and 2^64.
const MAX_EXPONENT: i64 = 16_383 - 63;
const MIN_EXPONENT: i64 = -16_382 - 63;

/// A finite number: `mantissa * 2^exponent`. The mantissa of all but zero and the tiniest has its highest bit set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LongDouble {
    is_negative: bool,
    mantissa: u64,
    exponent: i64,
}

/// What a text means as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Finite(LongDouble),
    /// `inf` and `-inf`, which Redis reads and then refuses to add.
    Infinite,
}

impl LongDouble {
    pub(super) const ZERO: Self = Self { is_negative: false, mantissa: 0, exponent: MIN_EXPONENT };

    /// Reads as `strtold` does, and refuses what Redis refuses: blanks, what is too great or too small, and NaN.
    pub(super) fn parse(text: &[u8]) -> Option<Parsed> {
        if text.is_empty() || text.len() >= MAX_TEXT_BYTES {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.eq_ignore_ascii_case("inf") || digits.eq_ignore_ascii_case("infinity") {
            return Some(Parsed::Infinite);
        }
        let (numerator, denominator) = match digits.get(..2) {
            Some(prefix) if prefix.eq_ignore_ascii_case("0x") => hexadecimal(digits.get(2..)?)?,
            _ => decimal(digits)?,
        };
        if numerator.is_zero() {
            return Some(Parsed::Finite(Self { is_negative, ..Self::ZERO }));
        }
        let read = Self::quotient(is_negative, numerator, &denominator)?;
        (read.mantissa != 0).then_some(Parsed::Finite(read))
    }

    /// The nearest double, but for the tiniest.
    #[expect(clippy::cast_precision_loss, reason = "it is rounded to what a double can hold")]
    pub(super) fn to_f64(self) -> f64 {
        let (mantissa, half) = (self.mantissa as f64, self.exponent / 2);
        // In two steps: the power alone may be out of range.
        let power = |exponent: i64| 2_f64.powi(i32::try_from(exponent).unwrap_or(i32::MAX));
        let value = mantissa * power(half) * power(self.exponent - half);
        if self.is_negative { -value } else { value }
    }

    /// The sum; `None` when it is infinite.
    pub(super) fn add(self, other: Self) -> Option<Self> {
        let (large, small) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        if large.mantissa == 0 {
            return Some(if small.mantissa == 0 { Self::ZERO } else { small });
        }
        // 63 more bits than a mantissa has; what is lost beyond them leaves a trace in the last one.
        const GUARD: u32 = 63;
        let shift = large.exponent - small.exponent;
        let wide = u128::from(large.mantissa) << GUARD;
        let small_wide = u128::from(small.mantissa) << GUARD;
        let aligned = match u32::try_from(shift) {
            Ok(shift) if shift < u128::BITS => {
                let kept = small_wide >> shift;
                kept | u128::from(kept << shift != small_wide)
            }
            _ => u128::from(small.mantissa != 0),
        };
        let (is_negative, sum, carried) = if large.is_negative == small.is_negative {
            let (sum, carried) = wide.overflowing_add(aligned);
            (large.is_negative, sum, carried)
        } else {
            match wide.cmp(&aligned) {
                Ordering::Greater => (large.is_negative, wide - aligned, false),
                Ordering::Less => (small.is_negative, aligned - wide, false),
                Ordering::Equal => return Some(Self::ZERO),
            }
        };
        let exponent = large.exponent - i64::from(GUARD);
        // Both are below 2^127, so nothing is ever carried out.
        debug_assert!(!carried);
        Self::rounded(is_negative, sum, false, exponent)
    }

    /// `value * 2^exponent`, and a little more when `inexact`, to the nearest number, a tie to the even one. `None` when it is
    /// infinite.
    fn rounded(is_negative: bool, value: u128, inexact: bool, exponent: i64) -> Option<Self> {
        let bits = i64::from(u128::BITS - value.leading_zeros());
        // How many bits go; the tiniest numbers have fewer.
        let dropped = (bits - 64).max(MIN_EXPONENT - exponent);
        let mut exponent = exponent + dropped;
        let mut mantissa = match u32::try_from(dropped) {
            Ok(0) => value,
            Ok(dropped) if dropped > u128::BITS => 0,
            Ok(dropped) => {
                let kept = value.checked_shr(dropped).unwrap_or(0);
                let rest = value ^ kept.checked_shl(dropped).unwrap_or(0);
                let half = 1_u128 << (dropped - 1);
                let up = match rest.cmp(&half) {
                    Ordering::Greater => true,
                    Ordering::Equal => inexact || kept & 1 == 1,
                    Ordering::Less => false,
                };
                kept + u128::from(up)
            }
            Err(_) => value << (-dropped).min(127),
        };
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
        if exponent > MAX_EXPONENT {
            return None;
        }
        u64::try_from(mantissa).ok().map(|mantissa| Self { is_negative, mantissa, exponent })
    }

    /// The number nearest to a fraction.
    fn quotient(is_negative: bool, mut numerator: Whole, denominator: &Whole) -> Option<Self> {
        // So many bits that the quotient has 66 or 67: 64 and what rounds them.
        let shift = 66 + denominator.bits() - numerator.bits();
        let mut denominator = denominator.clone();
        if shift >= 0 {
            numerator.shift_left(shift)
        } else {
            denominator.shift_left(-shift)
        }
        let mut quotient = 0_u128;
        denominator.shift_left(67);
        for _ in 0..68 {
            quotient <<= 1;
            if numerator.compare(&denominator) != Ordering::Less {
                numerator.subtract(&denominator);
                quotient |= 1;
            }
            denominator.halve();
        }
        Self::rounded(is_negative, quotient, !numerator.is_zero(), -shift)
    }

    /// With 17 digits behind the point at most, none of them needless.
    pub(super) fn text(self) -> String {
        let mut scaled = Whole::from(self.mantissa);
        for _ in 0..FRACTION_DIGITS {
            scaled.multiply_add(10, 0);
        }
        if self.exponent >= 0 {
            scaled.shift_left(self.exponent);
        } else {
            scaled.shift_right_rounding(-self.exponent);
        }
        let mut digits = scaled.decimal_digits();
        let fraction = usize::try_from(FRACTION_DIGITS).unwrap_or(17);
        if digits.len() <= fraction {
            digits.insert_str(0, &"0".repeat(fraction + 1 - digits.len()));
        }
        let (whole, fraction) = digits.split_at(digits.len() - fraction);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        let text = format!("{whole}{point}{fraction}");
        if self.is_negative && text != "0" { format!("-{text}") } else { text }
    }
}

/// Numerator and denominator of `12.5e-3`.
fn decimal(text: &str) -> Option<(Whole, Whole)> {
    let (digits, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, exponent(text.get(at + 1..)?)?),
        None => (text, 0),
    };
    let (mut numerator, fraction) = whole_and_fraction(digits, 10)?;
    let mut denominator = Whole::from(1);
    if numerator.is_zero() {
        return Some((numerator, denominator));
    }
    let exponent = exponent - fraction;
    // About three tenths of the bits are digits.
    let has_a_place = (exponent + numerator.bits() * 3 / 10).abs() <= MAX_DECIMAL_DIGITS;
    let scaled = if exponent >= 0 { &mut numerator } else { &mut denominator };
    let mut left = if has_a_place { exponent.unsigned_abs() } else { return None };
    while left > 0 {
        let at_once = left.min(9);
        scaled.multiply_add(10_u32.pow(u32::try_from(at_once).ok()?), 0);
        left -= at_once;
    }
    Some((numerator, denominator))
}

/// The same of `f.8p-3`.
fn hexadecimal(text: &str) -> Option<(Whole, Whole)> {
    let (digits, exponent) = match text.find(['p', 'P']) {
        Some(at) => (text.get(..at)?, exponent(text.get(at + 1..)?)?),
        None => (text, 0),
    };
    let (mut numerator, fraction) = whole_and_fraction(digits, 16)?;
    let mut denominator = Whole::from(1);
    let exponent = exponent - 4 * fraction;
    if numerator.is_zero() || (exponent + numerator.bits()).abs() > 4 * MAX_DECIMAL_DIGITS {
        return if numerator.is_zero() { Some((numerator, denominator)) } else { None };
    }
    if exponent >= 0 {
        numerator.shift_left(exponent)
    } else {
        denominator.shift_left(-exponent)
    }
    Some((numerator, denominator))
}

fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // A longer one is beyond all bounds, and so is this one.
    let value = digits.parse::<i64>().unwrap_or(i64::MAX).min(i64::MAX / 16);
    Some(if text.starts_with('-') { -value } else { value })
}

/// All digits as one number, and how many of them stand behind the point.
fn whole_and_fraction(text: &str, radix: u32) -> Option<(Whole, i64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut number = Whole::default();
    // So many digits fit into 32 bits.
    let at_once = if radix == 10 { 9 } else { 7 };
    for digits in [whole, fraction].iter().flat_map(|part| part.as_bytes().chunks(at_once)) {
        let (mut factor, mut value) = (1, 0);
        for digit in digits {
            factor *= radix;
            value = value * radix + char::from(*digit).to_digit(radix)?;
        }
        number.multiply_add(factor, value);
    }
    Some((number, i64::try_from(fraction.len()).ok()?))
}

/// A whole number of any size: 32 bits an element, the lowest first, none of the highest zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Whole(Vec<u32>);

impl From<u64> for Whole {
    fn from(value: u64) -> Self {
        let mut number = Self(vec![low(value.into()), low(u128::from(value) >> 32)]);
        number.normalize();
        number
    }
}

/// The lowest 32 bits.
fn low(value: u128) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap_or(0)
}

impl Whole {
    fn normalize(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn bits(&self) -> i64 {
        let Some(highest) = self.0.last() else { return 0 };
        i64::try_from(self.0.len()).unwrap_or(i64::MAX / 64) * 32 - i64::from(highest.leading_zeros())
    }

    fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u128::from(summand);
        for element in &mut self.0 {
            carry += u128::from(*element) * u128::from(factor);
            *element = low(carry);
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(low(carry));
        }
    }

    fn shift_left(&mut self, bits: i64) {
        if self.is_zero() {
            return;
        }
        let elements = usize::try_from(bits / 32).unwrap_or(0);
        self.multiply_add(1 << (bits % 32), 0);
        self.0.splice(0..0, std::iter::repeat_n(0, elements));
    }

    fn halve(&mut self) {
        let mut carry = 0;
        for element in self.0.iter_mut().rev() {
            let low = *element & 1;
            *element = *element >> 1 | carry << 31;
            carry = low;
        }
        self.normalize();
    }

    /// By a power of two, a half to the even number.
    fn shift_right_rounding(&mut self, bits: i64) {
        if bits > self.bits() + 1 {
            self.0.clear();
            return;
        }
        let (mut half, mut rest) = (false, false);
        for _ in 0..bits {
            rest |= half;
            half = self.0.first().is_some_and(|lowest| lowest & 1 == 1);
            self.halve();
        }
        let is_odd = self.0.first().is_some_and(|lowest| lowest & 1 == 1);
        if half && (rest || is_odd) {
            self.multiply_add(1, 1);
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    /// Something that is not greater.
    fn subtract(&mut self, other: &Self) {
        let mut borrowed = false;
        for (index, element) in self.0.iter_mut().enumerate() {
            let (first, one) = element.overflowing_sub(other.0.get(index).copied().unwrap_or(0));
            let (second, two) = first.overflowing_sub(borrowed.into());
            *element = second;
            borrowed = one || two;
        }
        self.normalize();
    }

    fn decimal_digits(mut self) -> String {
        const CHUNK: u64 = 1_000_000_000;
        let mut chunks = Vec::new();
        while !self.is_zero() {
            let mut rest = 0_u64;
            for element in self.0.iter_mut().rev() {
                let value = rest << 32 | u64::from(*element);
                *element = low((value / CHUNK).into());
                rest = value % CHUNK;
            }
            self.normalize();
            chunks.push(rest);
        }
        let mut digits = chunks.pop().unwrap_or(0).to_string();
        digits.extend(chunks.into_iter().rev().map(|chunk| format!("{chunk:09}")));
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(left: &str, right: &str) -> Option<String> {
        let parse = |text: &str| match LongDouble::parse(text.as_bytes()) {
            Some(Parsed::Finite(number)) => number,
            other => panic!("{text}: {other:?}"),
        };
        parse(left).add(parse(right)).map(LongDouble::text)
    }

    /// F-42: what redis-server 7.0 answers.
    #[test]
    fn sums_are_those_of_redis() {
        for (left, right, expected) in [
            ("0.1", "0.2", "0.3"),
            ("0", "0", "0"),
            ("-1.5", "1.5", "0"),
            ("-0.0", "0", "0"),
            ("10.50", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("3.0", "-5", "-2"),
            ("0x10", "0x.8p1", "17"),
            (".5", "5.", "5.5"),
            ("1e17", "1", "100000000000000001"),
            ("1e-17", "0", "0.00000000000000001"),
            ("1e-19", "0", "0"),
            ("-1e-19", "0", "0"),
        ] {
            assert_eq!(sum(left, right).as_deref(), Some(expected), "{left} + {right}");
        }
        assert_eq!(sum("1e4932", "1e4932"), None);
    }

    #[test]
    fn a_text_that_is_no_number_or_has_no_place_is_not_read() {
        for text in ["", " 1", "1 ", "nan", "1e", "e5", ".", "0x", "1e5000", "1e-5000", "1e99999999999999999999", "--1"]
        {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(LongDouble::parse(b"-Infinity"), Some(Parsed::Infinite));
    }
}
