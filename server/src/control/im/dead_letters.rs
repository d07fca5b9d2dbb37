//! Calls of notification hooks that were given up: list, retry, drop.

use api_types::control::{DeadLetter, DeadLetterSelection, DeadLettersQuery, DroppedLetters, RetriedLetters};
use axum::Json;
use axum::extract::State;
use hookd_im_core::hooks::DeadLetterReport;
use hookd_im_core::store::DeadLetterFilter;
use serde_json::value::{RawValue, to_raw_value};

use super::super::input::{JsonBody, Parameters};
use super::super::{ApiError, internal};
use super::{ImControl, Owner};

/// Most dead letters in one answer.
const MAX_LETTERS: usize = 1_000;

/// Most ids in one request.
const MAX_IDS: usize = 1_000;

pub(super) async fn list(
    State(control): State<ImControl>,
    Owner(app): Owner,
    Parameters(query): Parameters<DeadLettersQuery>,
) -> Result<Json<Vec<DeadLetter<Box<RawValue>>>>, ApiError> {
    let filter = DeadLetterFilter::All { target: query.hook };
    let limit = query.limit.min(MAX_LETTERS);
    let found = control.core.hooks.notifications().dead_letters(&app, &filter, limit, query.params).await;
    let letters = found.map_err(internal)?.into_iter().map(shown);
    letters.collect::<Result<_, _>>().map(Json).map_err(internal)
}

/// Either some, or all, or all of one hook: never all by leaving something out.
fn filter(selection: DeadLetterSelection) -> Result<DeadLetterFilter, ApiError> {
    let refused = |text: String| Err(ApiError::BadRequest(text));
    match selection {
        DeadLetterSelection { ids: Some(ids), all: false, hook: None } if ids.len() <= MAX_IDS => {
            Ok(DeadLetterFilter::Numbers(ids))
        }
        DeadLetterSelection { ids: Some(ids), all: false, hook: None } => {
            refused(format!("`ids` has {} entries; at most {MAX_IDS} are allowed at once", ids.len()))
        }
        DeadLetterSelection { ids: None, all: true, hook } => Ok(DeadLetterFilter::All { target: hook }),
        _ => refused("give either `ids`, or `all: true`, which a `hook` may narrow".to_owned()),
    }
}

fn shown(letter: DeadLetterReport) -> Result<DeadLetter<Box<RawValue>>, serde_json::Error> {
    let params = letter.params.map(|params| {
        let json = serde_json::from_str::<Box<RawValue>>(&params);
        json.or_else(|_| to_raw_value(&params))
    });
    Ok(DeadLetter {
        id: letter.id,
        hook: letter.hook,
        cause: letter.cause,
        reason: letter.reason,
        attempts: letter.attempts,
        queued_at: letter.queued_at.to_iso(),
        died_at: letter.died_at.to_iso(),
        params: params.transpose()?,
    })
}

pub(super) async fn retry(
    State(control): State<ImControl>,
    Owner(app): Owner,
    JsonBody(selection): JsonBody<DeadLetterSelection>,
) -> Result<Json<RetriedLetters>, ApiError> {
    let filter = filter(selection)?;
    let retried = control.core.hooks.notifications().retry_dead_letters(&app, &filter).await.map_err(internal)?;
    Ok(Json(RetriedLetters { retried }))
}

pub(super) async fn drop(
    State(control): State<ImControl>,
    Owner(app): Owner,
    JsonBody(selection): JsonBody<DeadLetterSelection>,
) -> Result<Json<DroppedLetters>, ApiError> {
    let filter = filter(selection)?;
    let dropped = control.core.hooks.notifications().drop_dead_letters(&app, &filter).await.map_err(internal)?;
    Ok(Json(DroppedLetters { dropped }))
}
