//! Settings of an app: show, change.

use axum::Json;
use axum::extract::State;
use hookd_im_core::app::ImSettings;
use hookd_im_core::hooks::SettingsError;
use hookd_im_core::ids::AppId;
use serde_json::{Map, Value};

use super::{ApiError, Authorized, Control, internal};

pub(super) async fn show(
    State(control): State<Control>,
    Authorized(app): Authorized,
) -> Result<Json<ImSettings>, ApiError> {
    let settings = control.settings.get(&AppId::new(&app.id)).await.map_err(internal)?;
    Ok(Json(ImSettings::clone(&settings)))
}

pub(super) async fn change(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Json(changes): Json<Map<String, Value>>,
) -> Result<Json<ImSettings>, ApiError> {
    let app = AppId::new(&app.id);
    let current = control.settings.get(&app).await.map_err(internal)?;
    let changed = merge(&current, changes)?;
    match control.settings.update(&app, changed).await {
        Ok(settings) => Ok(Json(ImSettings::clone(&settings))),
        Err(SettingsError::Store(error)) => Err(internal(error)),
        Err(refused) => Err(ApiError::BadRequest(refused.to_string())),
    }
}

/// Settings with `changes` applied; maps of single hooks are merged, not replaced.
fn merge(current: &ImSettings, changes: Map<String, Value>) -> Result<ImSettings, ApiError> {
    let mut merged = serde_json::to_value(current).map_err(internal)?;
    for (key, value) in changes {
        match (merged.get_mut(&key), value) {
            (Some(Value::Object(present)), Value::Object(more)) => present.extend(more),
            (Some(present), value) => *present = value,
            (None, _) => return Err(ApiError::BadRequest(format!("there is no setting `{key}`"))),
        }
    }
    serde_json::from_value(merged).map_err(|error| ApiError::BadRequest(format!("bad settings: {error}")))
}
