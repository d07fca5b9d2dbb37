//! The engine's settings of an app: limits and allowed hosts.

use axum::Json;
use axum::extract::State;
use hookd_runtime::SetSettingsError;
use serde_json::{Map, Value};

use super::input::JsonBody;
use super::{ApiError, Authorized, Control, engine_settings, internal};

pub(super) async fn show(State(control): State<Control>, Authorized(app): Authorized) -> Result<Json<Value>, ApiError> {
    all(&control, &app.id)
}

pub(super) async fn change(
    State(control): State<Control>,
    Authorized(app): Authorized,
    JsonBody(mut changes): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let before = control.engine.settings(&app.id).ok_or(ApiError::Unauthorized)?;
    let changed = engine_settings::changed(before, &mut changes).map_err(ApiError::BadRequest)?;
    if let Some((key, _)) = changes.iter().next() {
        let text =
            format!("the engine has no setting `{key}`; those of the IM core are changed where `hookd im` listens");
        return Err(ApiError::BadRequest(text));
    }
    if let Some(settings) = changed {
        control.engine.set_settings(&app.id, settings).await.map_err(|error| match error {
            SetSettingsError::Invalid(refused) => ApiError::BadRequest(refused.to_string()),
            SetSettingsError::UnknownApp(app) => ApiError::AppDeleted(app),
            SetSettingsError::Metadata(error) => internal(error),
        })?;
    }
    all(&control, &app.id)
}

fn all(control: &Control, app: &str) -> Result<Json<Value>, ApiError> {
    let settings = control.engine.settings(app).ok_or(ApiError::Unauthorized)?;
    Ok(Json(Value::Object(engine_settings::shown(&settings))))
}
