//! Numbers from samples.

/// A quantile of sorted samples; 0 without samples.
pub fn quantile<T: Copy + Into<f64>>(sorted: &[T], fraction: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * fraction).round() as usize).map_or(0.0, |&sample| sample.into())
}

/// The middle of some numbers; 0 without numbers.
pub fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    quantile(&numbers, 0.5)
}

/// Two digits after the point.
pub fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
