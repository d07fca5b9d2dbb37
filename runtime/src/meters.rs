//! The metrics of calls: atomics that a call reaches through its version, without a lookup, a lock or a name.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use api_types::control::FunctionStats;

use crate::outcome::Outcome;

/// Upper bounds of the classes that call durations are counted in; the last class has none.
pub const LATENCY_BOUNDS: [Duration; 20] = [
    Duration::from_micros(10),
    Duration::from_micros(25),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(15),
];

/// The counters of one function, which outlive its versions.
#[derive(Debug, Default)]
// In this order, so that an ordinary call writes to one cache line, which all processors take from each other.
#[repr(C, align(128))]
pub(crate) struct FunctionMeters {
    nanoseconds: AtomicU64,
    peak_memory: AtomicU64,
    replied: AtomicU64,
    durations: [AtomicU64; LATENCY_BOUNDS.len() + 1],
    /// By [`Outcome::index`]; that of replies stays zero.
    failures: [AtomicU64; Outcome::NAMES.len()],
}

/// The counters of an app's functions. As many as its live versions define: those of a name that no version defines any
/// more are gone with the last call on it.
#[derive(Debug, Default)]
pub(crate) struct AppMeters(Mutex<BTreeMap<String, Weak<FunctionMeters>>>);

impl FunctionMeters {
    /// Counts a call that ended.
    pub(crate) fn record(&self, outcome: &Outcome, took: Duration) {
        let count = match outcome {
            Outcome::Replied(_) => Some(&self.replied),
            failure => self.failures.get(failure.index()),
        };
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let class = LATENCY_BOUNDS.partition_point(|bound| *bound < took);
        if let Some(count) = self.durations.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Linear memory that a call held at its end, which is the most it held: memories never shrink.
    pub(crate) fn held_memory(&self, bytes: u64) {
        // Most calls need what others needed before: a read leaves the cache line shared.
        if self.peak_memory.load(Ordering::Relaxed) < bytes {
            self.peak_memory.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    fn stats(&self, name: String) -> FunctionStats {
        let replied = self.replied.load(Ordering::Relaxed);
        let failures = self.failures.iter().map(|count| count.load(Ordering::Relaxed));
        let outcomes = [("replied", replied)].into_iter().chain(Outcome::NAMES.into_iter().zip(failures));
        FunctionStats {
            name,
            outcomes: outcomes.filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count)).collect(),
            durations: self.durations.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            total_seconds: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64(),
            peak_memory_bytes: self.peak_memory.load(Ordering::Relaxed),
        }
    }
}

impl AppMeters {
    /// The counters of a function, those of its earlier versions where there are any. Asked at a release, not at a call.
    pub(crate) fn function(&self, name: &str) -> Arc<FunctionMeters> {
        let mut functions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meters) = functions.get(name).and_then(Weak::upgrade) {
            return meters;
        }
        functions.retain(|_, meters| meters.strong_count() > 0);
        let meters = Arc::new(FunctionMeters::default());
        functions.insert(name.to_owned(), Arc::downgrade(&meters));
        meters
    }

    /// By name.
    pub(crate) fn stats(&self) -> Vec<FunctionStats> {
        let functions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        functions.iter().filter_map(|(name, meters)| Some(meters.upgrade()?.stats(name.clone()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn calls_are_counted_by_outcome_and_duration() {
        let meters = FunctionMeters::default();
        let replied = Outcome::Replied(Bytes::new());
        meters.record(&replied, Duration::from_micros(10));
        meters.record(&replied, Duration::from_micros(11));
        meters.record(
            &Outcome::Overloaded(crate::outcome::Overload::Memory { budget_bytes: 1 }),
            Duration::from_secs(60),
        );
        meters.held_memory(70);
        meters.held_memory(60);
        let stats = meters.stats("hello".to_owned());
        assert_eq!(stats.outcomes, [("overloaded".to_owned(), 1), ("replied".to_owned(), 2)].into());
        assert_eq!((stats.durations[0], stats.durations[1], stats.durations[20]), (1, 1, 1));
        assert_eq!(stats.durations.iter().sum::<u64>(), 3);
        assert!((60.0..60.1).contains(&stats.total_seconds));
        assert_eq!(stats.peak_memory_bytes, 70);
    }

    #[test]
    fn counters_outlive_a_version_and_go_with_the_last_one() {
        let app = AppMeters::default();
        let first = app.function("hello");
        first.record(&Outcome::Overloaded(crate::outcome::Overload::Memory { budget_bytes: 1 }), Duration::ZERO);
        let second = app.function("hello");
        drop(first);
        assert_eq!(app.stats()[0].outcomes["overloaded"], 1);
        drop(second);
        assert!(app.stats().is_empty());
        app.function("other");
        assert_eq!(app.0.lock().unwrap().len(), 1, "names of the past take no room");
    }

    #[test]
    fn bounds_grow() {
        assert!(LATENCY_BOUNDS.is_sorted_by(|one, next| one < next));
    }
}
