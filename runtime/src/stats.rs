//! Statistics of the engine, read on request from counters that calls keep anyway.

use api_types::control::AppStats;

use crate::apps::App;

/// The counters of one app.
pub(crate) fn of_app(app: &App) -> AppStats {
    let settings = app.settings();
    let logs = app.log().ring().counts();
    AppStats {
        app_id: app.id.clone(),
        functions: app.meters().stats(),
        running_calls: u64::from(settings.admission.of_app.running()),
        queued_calls: u64::from(settings.admission.of_app.waiting()),
        log_lines_over_budget: logs.over_budget,
        log_lines_lost: logs.lost,
        log_lines_damaged: logs.damaged,
    }
}
