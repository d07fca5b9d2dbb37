//! Settings of an app: show, change. Those of the IM core are keys of their own; those of the engine are in
//! [`engine_settings`].

use axum::Json;
use axum::extract::State;
use hookd_im_core::hooks::SettingsError;
use hookd_im_core::ids::AppId;
use hookd_runtime::SetSettingsError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{ApiError, Authorized, Control, engine_settings, internal};

pub(super) async fn show(State(control): State<Control>, Authorized(app): Authorized) -> Result<Json<Value>, ApiError> {
    all(&control, &app.id).await
}

pub(super) async fn change(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Json(mut changes): Json<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    let engine_before = control.engine.settings(&app.id).ok_or(ApiError::Unauthorized)?;
    // Checked before anything is stored: a patch is obeyed as a whole or not at all.
    let engine = engine_settings::changed(engine_before, &mut changes).map_err(ApiError::BadRequest)?;
    if !changes.is_empty() {
        let id = AppId::new(&app.id);
        let current = control.core.settings.get(&id).await.map_err(internal)?;
        let names_timeouts = changes.keys().any(|key| key.contains("timeout"));
        let changed = merge(&*current, changes, "setting")?;
        if names_timeouts {
            let limits = engine.clone().or_else(|| control.engine.settings(&app.id)).unwrap_or_default().limits;
            engine_settings::check_timeouts(&changed, &limits).map_err(ApiError::BadRequest)?;
        }
        control.core.settings.update(&id, changed).await.map_err(|error| match error {
            SettingsError::Store(error) => internal(error),
            refused => ApiError::BadRequest(refused.to_string()),
        })?;
    }
    if let Some(settings) = engine {
        control.engine.set_settings(&app.id, settings).await.map_err(|error| match error {
            SetSettingsError::Invalid(refused) => ApiError::BadRequest(refused.to_string()),
            SetSettingsError::UnknownApp(_) => ApiError::Unauthorized,
            SetSettingsError::Metadata(error) => internal(error),
        })?;
    }
    all(&control, &app.id).await
}

async fn all(control: &Control, app: &str) -> Result<Json<Value>, ApiError> {
    let settings = control.core.settings.get(&AppId::new(app)).await.map_err(internal)?;
    let engine = control.engine.settings(app).ok_or(ApiError::Unauthorized)?;
    let mut all = serde_json::to_value(&*settings).map_err(internal)?;
    if let Value::Object(all) = &mut all {
        all.extend(engine_settings::shown(&engine));
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
    fn an_unknown_setting_is_refused_with_the_known_ones() {
        let refused = merge(&ImSettings::default(), object(json!({"policy": 1})), "setting").err();
        let Some(ApiError::BadRequest(text)) = refused else { panic!("not refused") };
        assert!(text.contains("`policy`") && text.contains("on_hook_failure"), "{text}");
    }
}
