//! From two looks at the counters to what happened between them.

use std::collections::BTreeMap;
use std::time::Duration;

use api_types::control::{AppStats, EngineStats, FunctionStats, Stats};
use serde::Serialize;

/// The engine as a whole, for the operator.
#[derive(Clone, Debug, Serialize)]
pub struct Engine {
    /// Guests that run now.
    pub running_instances: u64,
    /// Linear memory that they hold.
    pub guest_memory_bytes: u64,
    /// The memory that they may hold together.
    pub guest_memory_budget_bytes: u64,
    /// Modules in memory.
    pub loaded_modules: u64,
}

impl From<&EngineStats> for Engine {
    fn from(stats: &EngineStats) -> Self {
        Self {
            running_instances: stats.running_instances,
            guest_memory_bytes: stats.guest_memory_bytes,
            guest_memory_budget_bytes: stats.guest_memory_budget_bytes,
            loaded_modules: stats.loaded_modules,
        }
    }
}

/// The calls of one interval.
#[derive(Debug, Serialize)]
pub struct Rates {
    /// Length of the interval.
    pub seconds: f64,
    /// Present when all apps are watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// As they are now.
    pub apps: Vec<AppNow>,
    /// The busiest first.
    pub functions: Vec<FunctionRate>,
}

/// The queue of an app.
#[derive(Debug, Serialize)]
pub struct AppNow {
    /// Whose.
    pub app: String,
    /// Calls that run.
    pub running: u64,
    /// Calls that wait.
    pub queued: u64,
}

/// One function.
#[derive(Debug, Serialize)]
pub struct FunctionRate {
    /// Whose.
    pub app: String,
    /// Its name.
    pub function: String,
    /// Calls that ended, per second.
    pub calls_per_second: f64,
    /// Half of the calls were faster; absent without calls.
    pub p50_seconds: Option<f64>,
    /// All but one call in a hundred were faster.
    pub p99_seconds: Option<f64>,
    /// Calls that did not end with a reply, by outcome.
    pub failures: BTreeMap<String, u64>,
    /// Calls since the server started.
    pub calls: u64,
    /// Most memory that a call held since the server started.
    pub peak_memory_bytes: u64,
}

impl Rates {
    /// `elapsed` lies between the two.
    pub fn between(before: &Stats, now: &Stats, elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs_f64();
        let mut functions: Vec<FunctionRate> = now
            .apps
            .iter()
            .flat_map(|app| app.functions.iter().map(move |function| (app, function)))
            .map(|(app, function)| {
                let earlier = find(before, &app.app_id, &function.name);
                rate(app, function, earlier.unwrap_or(&FunctionStats::default()), &now.duration_bounds_seconds, seconds)
            })
            .collect();
        // Those that do nothing stay in their order.
        functions.sort_by(|one, other| other.calls_per_second.total_cmp(&one.calls_per_second));
        let queues = now.apps.iter().map(|app| AppNow {
            app: app.app_id.clone(),
            running: app.running_calls,
            queued: app.queued_calls,
        });
        Self { seconds, engine: now.engine.as_ref().map(Engine::from), apps: queues.collect(), functions }
    }
}

fn find<'a>(stats: &'a Stats, app: &str, name: &str) -> Option<&'a FunctionStats> {
    let app = stats.apps.iter().find(|candidate| candidate.app_id == app)?;
    app.functions.iter().find(|candidate| candidate.name == name)
}

fn rate(app: &AppStats, now: &FunctionStats, before: &FunctionStats, bounds: &[f64], seconds: f64) -> FunctionRate {
    let earlier = before.durations.iter().chain(std::iter::repeat(&0));
    // Counters start from zero with the server: a smaller value than before is new as a whole.
    let restarted = now.durations.iter().sum::<u64>() < before.durations.iter().sum();
    let new = |now: u64, before: u64| if restarted { now } else { now.saturating_sub(before) };
    let durations: Vec<u64> = now.durations.iter().zip(earlier).map(|(now, before)| new(*now, *before)).collect();
    let calls: u64 = durations.iter().sum();
    let failures = now.outcomes.iter().filter(|(outcome, _)| *outcome != "replied").map(|(outcome, count)| {
        (outcome.clone(), new(*count, before.outcomes.get(outcome).copied().unwrap_or_default()))
    });
    FunctionRate {
        app: app.app_id.clone(),
        function: now.name.clone(),
        calls_per_second: calls as f64 / seconds.max(f64::EPSILON),
        p50_seconds: percentile(&durations, bounds, 0.50),
        p99_seconds: percentile(&durations, bounds, 0.99),
        failures: failures.filter(|(_, count)| *count > 0).collect(),
        calls: now.durations.iter().sum(),
        peak_memory_bytes: now.peak_memory_bytes,
    }
}

/// As Prometheus does: evenly spread within a class. Calls beyond the last bound count as that bound.
fn percentile(durations: &[u64], bounds: &[f64], share: f64) -> Option<f64> {
    let total: u64 = durations.iter().sum();
    let rank = (total > 0).then_some(total as f64 * share)?;
    let mut below = 0.0;
    let mut lower = 0.0;
    for (count, upper) in durations.iter().zip(bounds) {
        let count = *count as f64;
        if count > 0.0 && below + count >= rank {
            return Some(lower + (upper - lower) * ((rank - below) / count));
        }
        below += count;
        lower = *upper;
    }
    bounds.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(replied: u64, timeouts: u64, durations: [u64; 3]) -> Stats {
        let function = FunctionStats {
            name: "hello".to_owned(),
            outcomes: [("replied".to_owned(), replied), ("timeout".to_owned(), timeouts)].into(),
            durations: durations.to_vec(),
            total_seconds: 1.0,
            peak_memory_bytes: 65_536,
        };
        let app = AppStats {
            app_id: "demo".to_owned(),
            functions: vec![function],
            running_calls: 1,
            queued_calls: 2,
            log_lines_over_budget: 0,
            log_lines_lost: 0,
            log_lines_damaged: 0,
        };
        Stats { duration_bounds_seconds: vec![0.001, 0.01], apps: vec![app], engine: None }
    }

    #[test]
    fn rates_are_those_of_the_interval() {
        let rates = Rates::between(&stats(100, 0, [100, 0, 0]), &stats(118, 2, [118, 0, 2]), Duration::from_secs(2));
        let hello = &rates.functions[0];
        assert_eq!((hello.calls_per_second, hello.calls), (10.0, 120));
        assert_eq!(hello.failures, [("timeout".to_owned(), 2)].into());
        assert!(hello.p50_seconds.unwrap() < 0.001);
        assert_eq!(hello.p99_seconds, Some(0.01), "slower than the last bound");
        assert_eq!((rates.apps[0].running, rates.apps[0].queued), (1, 2));
    }

    #[test]
    fn a_restart_in_between_begins_anew() {
        let rates = Rates::between(&stats(100, 9, [109, 0, 0]), &stats(4, 1, [5, 0, 0]), Duration::from_secs(1));
        assert_eq!(rates.functions[0].calls_per_second, 5.0);
        assert_eq!(rates.functions[0].failures["timeout"], 1);
    }

    #[test]
    fn without_calls_there_are_no_latencies() {
        let rates = Rates::between(&stats(1, 0, [1, 0, 0]), &stats(1, 0, [1, 0, 0]), Duration::from_secs(1));
        assert_eq!((rates.functions[0].p50_seconds, rates.functions[0].p99_seconds), (None, None));
    }

    #[test]
    fn percentiles_are_spread_evenly_within_a_class() {
        assert_eq!(percentile(&[0, 100, 0], &[1.0, 2.0], 0.5), Some(1.5));
        assert_eq!(percentile(&[50, 50, 0], &[1.0, 2.0], 0.5), Some(1.0));
        assert_eq!(percentile(&[], &[], 0.5), None);
    }
}
