//! Counters of the engine since its start.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How functions do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Upper bounds of the classes that the durations of calls are counted in; the last class has none.
    pub duration_bounds_seconds: Vec<f64>,
    /// One app, or all of the installation.
    pub apps: Vec<AppStats>,
    /// The engine as a whole; for the operator alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineStats>,
}

/// The engine as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineStats {
    /// Guests that run now.
    pub running_instances: u64,
    /// Guests of warm versions that wait for their next call.
    pub idle_instances: u64,
    /// Linear memory that all of them hold.
    pub guest_memory_bytes: u64,
    /// The memory that all of them may hold together.
    pub guest_memory_budget_bytes: u64,
    /// Modules in memory.
    pub loaded_modules: u64,
    /// Calls of unknown apps and undefined functions.
    pub undefined_calls: u64,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppStats {
    /// The app.
    pub app_id: String,
    /// By name: what its live versions define.
    pub functions: Vec<FunctionStats>,
    /// Calls that have a place.
    pub running_calls: u64,
    /// Calls that wait for one.
    pub queued_calls: u64,
    /// Lines of functions that were over the budget of their call.
    pub log_lines_over_budget: u64,
    /// Lines of functions that the disk did not keep.
    pub log_lines_lost: u64,
    /// Lines that the disk kept, and that were found damaged when they were read.
    pub log_lines_damaged: u64,
}

/// The counters of one function since the engine opened, or since the function was there again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionStats {
    /// Its name.
    pub name: String,
    /// Calls by outcome; only outcomes that there were.
    pub outcomes: BTreeMap<String, u64>,
    /// Calls by duration, queueing included: one number for each bound, and that of the longer ones.
    pub durations: Vec<u64>,
    /// Of all calls together.
    pub total_seconds: f64,
    /// Most linear memory that a call held.
    pub peak_memory_bytes: u64,
}
