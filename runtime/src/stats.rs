//! Statistics of the engine, read on request from counters that calls keep anyway.

use serde::Serialize;

use crate::apps::App;
use crate::meters::FunctionStats;

/// The engine as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EngineStats {
    /// Guests that run now.
    pub running_instances: u64,
    /// Guests of warm versions that wait for their next call.
    pub idle_instances: u64,
    /// Linear memory that all of them hold.
    pub guest_memory_bytes: u64,
    /// What all of them may hold together.
    pub guest_memory_budget_bytes: u64,
    /// Modules in memory.
    pub loaded_modules: u64,
    /// Calls of unknown apps and undefined functions.
    pub undefined_calls: u64,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Serialize)]
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

impl AppStats {
    pub(crate) fn of(app: &App) -> Self {
        let settings = app.settings();
        let logs = app.log().ring().counts();
        Self {
            app_id: app.id.clone(),
            functions: app.meters().stats(),
            running_calls: u64::from(settings.admission.of_app.running()),
            queued_calls: u64::from(settings.admission.of_app.waiting()),
            log_lines_over_budget: logs.over_budget,
            log_lines_lost: logs.lost,
            log_lines_damaged: logs.damaged,
        }
    }
}
