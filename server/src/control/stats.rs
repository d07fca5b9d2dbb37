//! How the functions of an app, and of all apps, do; `hookd top` reads it.

use api_types::control::Stats;
use axum::Json;
use axum::extract::State;
use hookd_runtime::LATENCY_BOUNDS;

use super::apps::Admin;
use super::{Authorized, Control};

pub(super) async fn of_app(State(control): State<Control>, Authorized(app): Authorized) -> Json<Stats> {
    Json(stats(&control, [app.id.as_str()]))
}

pub(super) async fn of_all(State(control): State<Control>, _: Admin) -> Json<Stats> {
    let apps = control.engine.apps();
    let of_apps = stats(&control, apps.iter().map(|app| app.id.as_str()));
    // Only the operator may see what all apps share.
    Json(Stats { engine: Some(control.engine.stats()), ..of_apps })
}

fn stats<'a>(control: &Control, apps: impl IntoIterator<Item = &'a str>) -> Stats {
    Stats {
        duration_bounds_seconds: LATENCY_BOUNDS.iter().map(|bound| bound.as_secs_f64()).collect(),
        // An app may be deleted meanwhile.
        apps: apps.into_iter().filter_map(|app| control.engine.app_stats(app)).collect(),
        engine: None,
    }
}
