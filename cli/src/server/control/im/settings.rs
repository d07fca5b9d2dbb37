//! Settings of an app: those of the IM core are keys of their own, all others are the engine's.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use hookd_im_core::app::ImSettings;
use hookd_im_core::hooks::SettingsError;
use hookd_im_core::ids::AppId;
use serde_json::{Map, Value};

use super::super::input::JsonBody;
use super::super::merge::merge;
use super::super::{ApiError, internal};
use super::engine_url::{note_who_names_it, shown};
use super::hook_deadlines::check_timeouts;
use super::{ImControl, Owner, is_unreachable};

/// While the engine is dead or does not answer: what the IM core knows.
pub(super) async fn show(
    State(control): State<ImControl>,
    Owner(app): Owner,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Response> {
    match control.ask_briefly(uri, &headers).await {
        Ok(engines) => all(&control, &app.id, engines).await,
        Err(answer) if is_unreachable(&answer) => all(&control, &app.id, Value::Null).await,
        Err(refusal) => Err(refusal),
    }
}

/// A patch is obeyed as a whole or not at all: both sides check it before either stores it.
pub(super) async fn change(
    State(control): State<ImControl>,
    Owner(app): Owner,
    uri: Uri,
    headers: HeaderMap,
    JsonBody(changes): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, Response> {
    let current = control.core.settings.get(&app.id).await.map_err(failed)?;
    let own = Value::Object(shown(&current).map_err(failed)?);
    let (changes, engines): (Map<_, _>, Map<_, _>) =
        changes.into_iter().partition(|(key, _)| own.get(key.as_str()).is_some());

    let known = control.ask_briefly(uri.clone(), &headers).await;
    if let Ok(known) = &known
        && let Some(unknown) = engines.keys().find(|key| known.get(key.as_str()).is_none())
    {
        let all: Vec<&str> = names(&own).chain(names(known)).collect();
        let text = format!("there is no setting `{unknown}`; there are {}", all.join(", "));
        return Err(ApiError::BadRequest(text).into_response());
    }
    let names_timeouts = changes.keys().any(|key| key.contains("timeout"));
    let changed = match changes.is_empty() {
        true => None,
        false => {
            let mut changed: ImSettings =
                merge(&*current, changes.clone(), "setting").map_err(ApiError::into_response)?;
            control.core.settings.check(&changed).map_err(refused)?;
            let noting = note_who_names_it(&control, &headers, &changes, &mut changed);
            noting.await.map_err(ApiError::into_response)?;
            // A patch that changes the engine's side too knows what it does.
            if let Ok(engine) = &known
                && names_timeouts
                && engines.is_empty()
            {
                check_timeouts(&changed, engine).map_err(|text| ApiError::BadRequest(text).into_response())?;
            }
            Some(changed)
        }
    };
    let engines = match engines.is_empty() {
        false => {
            // One that is away would be waited for in vain, and its answer would say less.
            known?;
            let body = Body::from(Value::Object(engines).to_string());
            control.ask(Method::PATCH, uri, &headers, body).await?
        }
        true => match known {
            // A dead engine is no reason to refuse what does not concern it.
            Err(answer) if is_unreachable(&answer) => Value::Null,
            known => known?,
        },
    };
    if let Some(changed) = changed {
        control.core.settings.update(&app.id, changed).await.map_err(refused)?;
    }
    all(&control, &app.id, engines).await
}

async fn all(control: &ImControl, app: &AppId, engines: Value) -> Result<Json<Value>, Response> {
    let settings = control.core.settings.get(app).await.map_err(failed)?;
    let mut all = shown(&settings).map_err(failed)?;
    if let Value::Object(engines) = engines {
        all.extend(engines);
    }
    Ok(Json(Value::Object(all)))
}

fn names(settings: &Value) -> impl Iterator<Item = &str> {
    settings.as_object().into_iter().flatten().map(|(name, _)| name.as_str())
}

fn refused(error: SettingsError) -> Response {
    match error {
        SettingsError::Store(error) => failed(error),
        refused => ApiError::BadRequest(refused.to_string()).into_response(),
    }
}

fn failed(error: impl Into<anyhow::Error>) -> Response {
    internal(error).into_response()
}
