//! How the functions of an app, and of all apps, do; `hookd top` reads it.

use axum::Json;
use axum::extract::State;
use hookd_runtime::LATENCY_BOUNDS;
use serde_json::{Value, json};

use super::apps::Admin;
use super::{ApiError, Authorized, Control, internal};

pub(super) async fn of_app(
    State(control): State<Control>,
    Authorized(app): Authorized,
) -> Result<Json<Value>, ApiError> {
    answer(&control, [app.id.as_str()])
}

pub(super) async fn of_all(State(control): State<Control>, _: Admin) -> Result<Json<Value>, ApiError> {
    let apps = control.engine.apps();
    let mut all = answer(&control, apps.iter().map(|app| app.id.as_str()))?;
    if let Value::Object(fields) = &mut all.0 {
        // Only the operator may see what all apps share.
        fields.insert("engine".to_owned(), serde_json::to_value(control.engine.stats()).map_err(internal)?);
    }
    Ok(all)
}

fn answer<'a>(control: &Control, apps: impl IntoIterator<Item = &'a str>) -> Result<Json<Value>, ApiError> {
    let bounds: Vec<f64> = LATENCY_BOUNDS.iter().map(|bound| bound.as_secs_f64()).collect();
    // An app may be deleted meanwhile.
    let stats = apps.into_iter().filter_map(|app| control.engine.app_stats(app));
    let stats = stats.map(|stats| serde_json::to_value(stats).map_err(internal)).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(json!({"duration_bounds_seconds": bounds, "apps": stats})))
}
