//! The engine's settings of an app: limits and allowed hosts.

use api_types::control::EngineSettings;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use hookd_runtime::SetSettingsError;
use serde_json::{Map, Value};

use super::input::JsonBody;
use super::{ApiError, Authorized, Control, engine_settings, internal, is_admin};

pub(super) async fn show(
    State(control): State<Control>,
    Authorized(app): Authorized,
) -> Result<Json<EngineSettings>, ApiError> {
    all(&control, &app.id)
}

/// The engine's part of a patch; an IM core in front of it takes its own part out.
pub(super) async fn change(
    State(control): State<Control>,
    Authorized(app): Authorized,
    headers: HeaderMap,
    JsonBody(changes): JsonBody<Map<String, Value>>,
) -> Result<Json<EngineSettings>, ApiError> {
    let patch = engine_settings::patch(changes).map_err(ApiError::BadRequest)?;
    let is_admin = is_admin(&headers, control.installation.admin_key());
    let (engine, id) = (control.engine.clone(), app.id.clone());
    let changing = async move {
        let change = |settings| engine_settings::changed(settings, patch, is_admin);
        engine.change_settings(&id, change).await
    };
    control.changes.carry_out(&app.id, changing).await?.map_err(|error| match error {
        SetSettingsError::Refused(text) => ApiError::BadRequest(text),
        SetSettingsError::Invalid(refused) => ApiError::BadRequest(refused.to_string()),
        SetSettingsError::UnknownApp(app) => ApiError::AppDeleted(app),
        SetSettingsError::Metadata(error) => internal(error),
    })?;
    all(&control, &app.id)
}

fn all(control: &Control, app: &str) -> Result<Json<EngineSettings>, ApiError> {
    let settings = control.engine.settings(app).ok_or(ApiError::Unauthorized)?;
    engine_settings::shown(&settings).map(Json).map_err(internal)
}
