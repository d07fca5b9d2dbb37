//! The engine's settings of an app: its limits, under `limits`.

use axum::Json;
use axum::extract::State;
use hookd_runtime::{Limits, SetLimitsError};
use serde_json::{Map, Value, json};

use super::merge::merge;
use super::{ApiError, Authorized, Control, internal};

/// The key under which the limits stand.
pub(super) const LIMITS: &str = "limits";

pub(super) async fn show(State(control): State<Control>, Authorized(app): Authorized) -> Result<Json<Value>, ApiError> {
    all(&control, &app.id)
}

pub(super) async fn change(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Json(mut changes): Json<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let limits = changes.remove(LIMITS);
    if let Some((key, _)) = changes.iter().next() {
        let text =
            format!("the engine has no setting `{key}`; those of the IM core are changed where `hookd im` listens");
        return Err(ApiError::BadRequest(text));
    }
    match limits {
        None => {}
        Some(Value::Object(changes)) => {
            let current = control.engine.limits(&app.id).ok_or(ApiError::Unauthorized)?;
            let limits: Limits = merge(&current, changes, "limit")?;
            control.engine.set_limits(&app.id, limits).await.map_err(|error| match error {
                SetLimitsError::Invalid(refused) => ApiError::BadRequest(refused.to_string()),
                SetLimitsError::UnknownApp(_) => ApiError::Unauthorized,
                SetLimitsError::Metadata(error) => internal(error),
            })?;
        }
        Some(_) => return Err(ApiError::BadRequest("`limits` must be an object".to_owned())),
    }
    all(&control, &app.id)
}

fn all(control: &Control, app: &str) -> Result<Json<Value>, ApiError> {
    let limits = control.engine.limits(app).ok_or(ApiError::Unauthorized)?;
    Ok(Json(json!({LIMITS: limits})))
}
