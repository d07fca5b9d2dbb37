//! Calls of notification hooks that were given up: list, retry, drop.

use axum::Json;
use axum::extract::State;
use hookd_im_core::hooks::DeadLetterReport;
use hookd_im_core::store::DeadLetterFilter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::input::{JsonBody, Parameters};
use super::super::{ApiError, internal};
use super::{ImControl, Owner};

/// Most dead letters in one answer.
const MAX_LETTERS: usize = 1_000;

/// Most ids in one request.
const MAX_IDS: usize = 1_000;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    limit: usize,
    hook: Option<String>,
    #[serde(default)]
    params: bool,
}

pub(super) async fn list(
    State(control): State<ImControl>,
    Owner(app): Owner,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Vec<DeadLetterReport>>, ApiError> {
    let filter = DeadLetterFilter::All { target: query.hook };
    let limit = query.limit.min(MAX_LETTERS);
    let found = control.core.hooks.notifications().dead_letters(&app, &filter, limit, query.params).await;
    Ok(Json(found.map_err(internal)?))
}

/// Either some, or all, or all of one hook: never all by leaving something out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Selection {
    ids: Option<Vec<u64>>,
    #[serde(default)]
    all: bool,
    hook: Option<String>,
}

impl TryFrom<Selection> for DeadLetterFilter {
    type Error = ApiError;

    fn try_from(selection: Selection) -> Result<Self, ApiError> {
        let refused = |text: String| Err(ApiError::BadRequest(text));
        match selection {
            Selection { ids: Some(ids), all: false, hook: None } if ids.len() <= MAX_IDS => Ok(Self::Numbers(ids)),
            Selection { ids: Some(ids), all: false, hook: None } => {
                refused(format!("`ids` has {} entries; at most {MAX_IDS} are allowed at once", ids.len()))
            }
            Selection { ids: None, all: true, hook } => Ok(Self::All { target: hook }),
            _ => refused("give either `ids`, or `all: true`, which a `hook` may narrow".to_owned()),
        }
    }
}

pub(super) async fn retry(
    State(control): State<ImControl>,
    Owner(app): Owner,
    JsonBody(selection): JsonBody<Selection>,
) -> Result<Json<Value>, ApiError> {
    let filter = DeadLetterFilter::try_from(selection)?;
    let retried = control.core.hooks.notifications().retry_dead_letters(&app, &filter).await.map_err(internal)?;
    Ok(Json(json!({"retried": retried})))
}

pub(super) async fn drop(
    State(control): State<ImControl>,
    Owner(app): Owner,
    JsonBody(selection): JsonBody<Selection>,
) -> Result<Json<Value>, ApiError> {
    let filter = DeadLetterFilter::try_from(selection)?;
    let dropped = control.core.hooks.notifications().drop_dead_letters(&app, &filter).await.map_err(internal)?;
    Ok(Json(json!({"dropped": dropped})))
}
