//! Settings of an app: show, change. Those of the IM core are keys of their own, the engine's limits are under `limits`.

use axum::Json;
use axum::extract::State;
use hookd_im_core::hooks::SettingsError;
use hookd_im_core::ids::AppId;
use hookd_runtime::{Limits, SetLimitsError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{ApiError, Authorized, Control, internal};

const LIMITS: &str = "limits";

pub(super) async fn show(State(control): State<Control>, Authorized(app): Authorized) -> Result<Json<Value>, ApiError> {
    all(&control, &app.id).await
}

pub(super) async fn change(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Json(mut changes): Json<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let limits = match changes.remove(LIMITS) {
        None => None,
        Some(Value::Object(changes)) => {
            let current = control.engine.limits(&app.id).ok_or(ApiError::Unauthorized)?;
            let limits: Limits = merge(&current, changes, "limit")?;
            // Before anything is stored: a patch is obeyed as a whole or not at all.
            limits.validate().map_err(|refused| ApiError::BadRequest(refused.to_string()))?;
            Some(limits)
        }
        Some(_) => return Err(ApiError::BadRequest("`limits` must be an object".to_owned())),
    };
    if !changes.is_empty() {
        let app = AppId::new(&app.id);
        let current = control.core.settings.get(&app).await.map_err(internal)?;
        let changed = merge(&*current, changes, "setting")?;
        control.core.settings.update(&app, changed).await.map_err(|error| match error {
            SettingsError::Store(error) => internal(error),
            refused => ApiError::BadRequest(refused.to_string()),
        })?;
    }
    if let Some(limits) = limits {
        control.engine.set_limits(&app.id, limits).await.map_err(|error| match error {
            SetLimitsError::Invalid(refused) => ApiError::BadRequest(refused.to_string()),
            SetLimitsError::UnknownApp(_) => ApiError::Unauthorized,
            SetLimitsError::Metadata(error) => internal(error),
        })?;
    }
    all(&control, &app.id).await
}

async fn all(control: &Control, app: &str) -> Result<Json<Value>, ApiError> {
    let settings = control.core.settings.get(&AppId::new(app)).await.map_err(internal)?;
    let limits = control.engine.limits(app).ok_or(ApiError::Unauthorized)?;
    let mut all = serde_json::to_value(&*settings).map_err(internal)?;
    if let Value::Object(all) = &mut all {
        all.insert(LIMITS.to_owned(), serde_json::to_value(limits).map_err(internal)?);
    }
    Ok(Json(all))
}

/// What is there with `changes` applied; maps of single hooks are merged, not replaced, and lose what is
/// `null`. `kind` is what an entry is called.
fn merge<T: Serialize + DeserializeOwned>(current: &T, changes: Map<String, Value>, kind: &str) -> Result<T, ApiError> {
    let mut merged = serde_json::to_value(current).map_err(internal)?;
    for (key, value) in changes {
        match (merged.get_mut(&key), value) {
            (Some(Value::Object(present)), Value::Object(more)) => {
                present.extend(more);
                present.retain(|_, value| !value.is_null());
            }
            (Some(present), value) => *present = value,
            (None, _) => {
                let known: Vec<&str> =
                    merged.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                let text = format!("there is no {kind} `{key}`; there are {}", known.join(", "));
                return Err(ApiError::BadRequest(text));
            }
        }
    }
    serde_json::from_value(merged).map_err(|error| ApiError::BadRequest(format!("bad {kind}s: {error}")))
}

#[cfg(test)]
mod tests {
    use hookd_im_core::app::{FailurePolicy, ImSettings};
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let settings: ImSettings =
            merge(&ImSettings::default(), object(json!({"on_hook_failure": "abort"})), "setting").ok().unwrap();
        let expected = ImSettings { on_hook_failure: FailurePolicy::Abort, ..ImSettings::default() };
        assert_eq!(settings, expected);
    }

    #[test]
    fn an_unknown_limit_is_refused_with_the_known_ones() {
        let refused = merge(&Limits::default(), object(json!({"memory": 1})), "limit").err();
        let Some(ApiError::BadRequest(text)) = refused else { panic!("not refused") };
        assert!(text.contains("`memory`") && text.contains("memory_bytes"), "{text}");
    }
}
