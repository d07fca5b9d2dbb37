//! Settings of an app: those of the IM core are keys of their own, all others are the engine's.

use std::time::Duration;

use api_types::control::{EngineSettings, EngineSettingsPatch};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use hookd_im_core::app::ImSettings;
use hookd_im_core::hooks::SettingsError;
use hookd_im_core::ids::AppId;
use hookd_im_core::store::StoreError;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::super::input::JsonBody;
use super::super::merge::merge;
use super::super::{ApiError, internal};
use super::engine_url::{note_who_names_it, shown};
use super::hook_deadlines::check_timeouts;
use super::push_gateway::note_who_names_the_gateway;
use super::undo::undo;
use super::{ImControl, Owner, is_unreachable};
use crate::error::BoxError;

/// The engine waits for its database, and then for the IM cores that follow it; a change of other settings waits behind it.
const ENGINES_PART_TIME: Duration = Duration::from_secs(10);

/// While the engine is dead or does not answer: the IM core's settings only.
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

/// A patch is applied as a whole or not at all: both sides check it before either stores it, and what the engine has
/// stored is taken back when the IM core cannot store its part. The IM core's part needs nothing of an engine that is
/// away.
pub(super) async fn change(
    State(control): State<ImControl>,
    Owner(app): Owner,
    uri: Uri,
    headers: HeaderMap,
    JsonBody(changes): JsonBody<Map<String, Value>>,
) -> Result<Json<Value>, Response> {
    let own = shown(&ImSettings::default()).map_err(failed)?;
    let (own_part, engines_part): (Map<_, _>, Map<_, _>) =
        changes.into_iter().partition(|(key, _)| own.contains_key(key));
    // Before its turn comes: waiting requests must not wait for an absent engine one after the other.
    let known = match control.ask_briefly(uri.clone(), &headers).await {
        Ok(known) => Some(known),
        Err(answer) if is_unreachable(&answer) && engines_part.is_empty() => None,
        Err(answer) => return Err(answer),
    };
    if let Some(known) = &known
        && let Some(unknown) = engines_part.keys().find(|key| known.get(key.as_str()).is_none())
    {
        let all: Vec<&str> = own.keys().map(String::as_str).chain(names(known)).collect();
        let text = format!("unknown setting `{unknown}`; the settings are {}", all.join(", "));
        return Err(ApiError::BadRequest(text).into_response());
    }
    let patch = Patch { own_part, engines_part, known, uri, headers };
    let (changes, id) = (control.changes.clone(), app.id.clone());
    let changing = async move { patch.carry_out(&control, &id).await };
    changes.carry_out(app.id.as_str(), changing).await.map_err(ApiError::into_response)?
}

/// A change of settings, taken apart.
struct Patch {
    own_part: Map<String, Value>,
    engines_part: Map<String, Value>,
    /// The engine's settings shortly before; `None` when it is away.
    known: Option<Value>,
    uri: Uri,
    headers: HeaderMap,
}

impl Patch {
    /// In the app's turn, so that no other change comes between reading and writing.
    async fn carry_out(self, control: &ImControl, app: &AppId) -> Result<Json<Value>, Response> {
        let own = if self.own_part.is_empty() { None } else { Some(self.checked(control, app).await?) };
        if self.engines_part.is_empty() {
            if let Some(own) = own {
                control.core.change_settings(app, own).await.map_err(refused)?;
            }
            return all(control, app, self.known.unwrap_or_default()).await;
        }
        let Some(own) = own else {
            let engines = self.change_engines_part(control, self.engines_part.clone()).await?;
            return all(control, app, engines).await;
        };
        let before = control.ask_briefly(self.uri.clone(), &self.headers).await?;
        let engines = self.change_engines_part(control, self.engines_part.clone()).await?;
        if let Err(error) = control.core.change_settings(app, own).await {
            return Err(self.take_back(control, &before, error).await);
        }
        all(control, app, engines).await
    }

    /// The settings of the IM core as they will be.
    async fn checked(&self, control: &ImControl, app: &AppId) -> Result<ImSettings, Response> {
        if control.core.apps.app(app).is_none() {
            return Err(ApiError::AppDeleted(app.to_string()).into_response());
        }
        let current = control.core.settings.get(app).await.map_err(failed)?;
        let mut changed: ImSettings =
            merge(&*current, self.own_part.clone(), "setting").map_err(ApiError::into_response)?;
        control.core.settings.check(&changed).map_err(refused)?;
        let noting = note_who_names_it(control, &self.headers, &self.own_part, &mut changed);
        noting.await.map_err(ApiError::into_response)?;
        let noting = note_who_names_the_gateway(control, &self.headers, &self.own_part, &mut changed);
        noting.await.map_err(ApiError::into_response)?;
        // Timeouts are not checked when the patch also changes the engine's settings.
        if let Some(engine) = &self.known
            && self.own_part.keys().any(|key| key.contains("timeout"))
            && self.engines_part.is_empty()
        {
            let engine = EngineSettings::deserialize(engine).map_err(failed)?;
            check_timeouts(&changed, &engine).map_err(|text| ApiError::BadRequest(text).into_response())?;
        }
        Ok(changed)
    }

    async fn change_engines_part(&self, control: &ImControl, part: Map<String, Value>) -> Result<Value, Response> {
        let body = Body::from(Value::Object(part).to_string());
        let asking = control.ask(Method::PATCH, self.uri.clone(), &self.headers, body);
        let late = |_| {
            let (seconds, engines) = (ENGINES_PART_TIME.as_secs(), listed(&self.engines_part));
            let own = match self.own_part.is_empty() {
                true => String::new(),
                false => format!(", and {} was not changed", listed(&self.own_part)),
            };
            let text = format!(
                "the engine did not answer within {seconds} s: {engines} may still be changed{own}. Look with `hookd settings` \
                 before you try again"
            );
            ApiError::Unavailable(text).into_response()
        };
        tokio::time::timeout(ENGINES_PART_TIME, asking).await.map_err(late)?
    }

    /// The patch that brings the engine's part back to `before`.
    fn undoing(&self, before: &Value) -> Result<Map<String, Value>, serde_json::Error> {
        let changes = EngineSettingsPatch::deserialize(&self.engines_part)?;
        let back = undo(&changes, &EngineSettings::deserialize(before)?);
        serde_json::from_value(serde_json::to_value(back)?)
    }

    /// Puts the engine's part back as it was before the IM core failed to store its own, and says what holds now.
    async fn take_back(&self, control: &ImControl, before: &Value, error: SettingsError) -> Response {
        let is_unknown = matches!(&error, SettingsError::Store(StoreError::OutcomeUnknown { .. }));
        if !is_unknown
            && let Ok(back) = self.undoing(before)
            && self.change_engines_part(control, back).await.is_ok()
        {
            return refused(error);
        }
        tracing::error!(error = &error as &dyn std::error::Error, "settings cannot be saved");
        let [engines, own] = [&self.engines_part, &self.own_part].map(listed);
        let text = format!("half of it is changed: {engines}. Of {own}: {error}. Look with `hookd settings`");
        ApiError::Unavailable(text).into_response()
    }
}

async fn all(control: &ImControl, app: &AppId, engines: Value) -> Result<Json<Value>, Response> {
    let settings = control.core.settings.get(app).await.map_err(failed)?;
    let mut all = shown(&settings).map_err(failed)?;
    if let Value::Object(engines) = engines {
        all.extend(engines);
    }
    Ok(Json(Value::Object(all)))
}

fn listed(part: &Map<String, Value>) -> String {
    part.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
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

fn failed(error: impl Into<BoxError>) -> Response {
    internal(error).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use api_types::control::{FailurePolicy, ImSettingsPatch, RateOverflow};
    use hookd_im_core::app;

    use super::*;

    /// The command line writes a patch by its type; here it is merged by the names of the settings.
    #[test]
    fn a_patch_can_name_every_setting_and_is_merged() {
        let patch = ImSettingsPatch {
            im_enabled: Some(false),
            allowed_origins: Some(vec!["https://chat.example.org".to_owned()]),
            on_hook_failure: Some(FailurePolicy::Abort),
            hook_failure_policies: [("_messageSent:timeout".to_owned(), Some(FailurePolicy::Ignore))].into(),
            hook_breaker_failures: Some(1),
            hook_breaker_cool_down_ms: Some(2),
            blocking_hook_timeout_ms: Some(3),
            notification_hook_timeout_ms: Some(4),
            hook_timeouts_ms: [("_messageSent".to_owned(), Some(5))].into(),
            notification_attempts: Some(6),
            notification_retry_ms: Some(7),
            notification_max_age_ms: Some(8),
            notification_queue_limit: Some(9),
            dead_letter_limit: Some(10),
            login_signature: Some(true),
            conversation_signature: Some(true),
            message_edit: Some(true),
            message_recall: Some(false),
            blacklist: Some(true),
            blacklist_signature: Some(false),
            roles: Some(true),
            member_can_add: Some(false),
            daily_users: Some(15),
            client_sends_per_minute: Some(11),
            client_history_queries_per_minute: Some(12),
            client_operations_per_minute: Some(13),
            client_rate_overflow: Some(RateOverflow::Error),
            outgoing_messages_per_second: Some(14),
            message_retention_days: Some(15),
            inactive_conversation_days: Some(16),
            push_gateway: Some(Some("log".to_owned())),
            push_content: Some(Some("{}".to_owned())),
            push_dev: Some(true),
            word_list: Some(vec!["crap".to_owned()]),
            word_filter_direct: Some(true),
            engine_url: Some(Some("http://192.0.2.1".to_owned())),
        };
        let patch: Map<String, Value> = serde_json::from_value(serde_json::to_value(patch).unwrap()).unwrap();
        let settings = shown(&ImSettings::default()).unwrap();
        assert_eq!(patch.keys().collect::<BTreeSet<_>>(), settings.keys().collect::<BTreeSet<_>>());
        let changed: ImSettings = merge(&ImSettings::default(), patch, "setting").ok().unwrap();
        assert_eq!(changed.on_hook_failure, app::FailurePolicy::Abort);
        assert_eq!((changed.hook_timeouts_ms["_messageSent"], changed.dead_letter_limit), (5, 10));
    }
}
