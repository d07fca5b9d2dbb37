//! `GET /1.1/rtm/notifications`: events that a client missed (P-59 … P-64, R-83, R-84).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use constant_time_eq::constant_time_eq;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Shared;
use super::reject::{refusal, rejection};
use crate::gateway::protocol::PERMANENT;
use hookd_im_core::app::App;
use hookd_im_core::error::RequestError;
use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::MissedEvent;
use hookd_im_core::timestamp::Timestamp;

/// Events of one answer; the client asks again for more (P-64).
const PAGE: usize = 100;

/// The query of the call.
#[derive(Debug, Deserialize)]
pub(super) struct Missed {
    client_id: String,
    #[serde(default)]
    start_ts: i64,
    notification_type: Option<String>,
}

/// Answers the events after `start_ts`, oldest first.
pub(super) async fn notifications(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Missed>,
    headers: HeaderMap,
) -> Response {
    let Some(app) = authenticated_app(&shared, &headers) else {
        return rejection(StatusCode::UNAUTHORIZED, 401, "Unauthorized.");
    };
    let client = ClientId::new(asked.client_id);
    let token = header(&headers, "x-lc-im-session-token").unwrap_or_default();
    let mut found = match missed(&shared, &app, (&client, token), Timestamp(asked.start_ts)).await {
        Ok(found) => found,
        Err(error) => return refusal(&app.id, &error, "missed events cannot be read"),
    };
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let compact = asked.notification_type.as_deref() == Some("permanent");
    let items: Vec<_> = found.into_iter().map(|event| item(event, compact)).collect();
    let permanent = json!({ "notifications": items, "hasMore": has_more });
    if compact {
        return Json(permanent).into_response();
    }
    let droppable = json!({ "notifications": [], "invalidLocalConvCache": false });
    Json(json!({ "permanent": permanent, "droppable": droppable })).into_response()
}

/// Events of a client after a time, one more than a page.
async fn missed(
    shared: &Shared,
    app: &App,
    (client, token): (&ClientId, &str),
    after: Timestamp,
) -> Result<Vec<MissedEvent>, RequestError> {
    shared.lifecycle.authenticate(&shared.core, app, client, token).await?;
    let limit = u32::try_from(PAGE + 1).unwrap_or(u32::MAX);
    Ok(shared.core.store.missed_events(&app.id, client, after, limit).await?)
}

/// The app of the call, by id and key.
pub(super) fn authenticated_app(shared: &Shared, headers: &HeaderMap) -> Option<Arc<App>> {
    let app = shared.core.apps.app(&AppId::new(header(headers, "x-lc-id")?))?;
    let key = header(headers, "x-lc-key")?;
    constant_time_eq(key.as_bytes(), app.app_key.as_bytes()).then_some(app)
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// One event, flat. The other SDKs want hyphens where this form has underscores.
fn item(event: MissedEvent, compact: bool) -> Map<String, Value> {
    let mut item = event.payload;
    item.insert("serverTs".to_owned(), event.server_timestamp.0.into());
    item.insert("notificationType".to_owned(), PERMANENT.into());
    if !compact && let Some(Value::String(op)) = item.get_mut("op") {
        *op = op.replace('_', "-");
    }
    item
}
