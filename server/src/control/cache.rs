//! LeanCache of an app, by hand: the commands that its functions may send, in its key space.

use api_types::control::{self, CacheCommands, CacheReplies, CacheWord};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookd_runtime::{CacheError, CacheReply, Limits};
use tokio::sync::Semaphore;

use super::input::JsonBody;
use super::{ApiError, Authorized, Control, internal};

/// The limits of one request, about those of a call.
const COMMANDS: u32 = 1_000;
const BYTES: usize = 16 << 20;
const DEADLINE_MS: u64 = 10_000;

/// Larger replies are written as JSON beside the threads that serve, one after the other.
const LARGE_REPLIES_BYTES: usize = 64 << 10;
static LARGE_REPLIES: Semaphore = Semaphore::const_new(1);

pub(super) async fn run(
    State(server): State<Control>,
    Authorized(app): Authorized,
    JsonBody(body): JsonBody<CacheCommands>,
) -> Result<Response, ApiError> {
    let mut commands = Vec::with_capacity(body.commands.len());
    for command in body.commands {
        commands.push(command.into_iter().map(bytes).collect::<Result<Vec<_>, _>>()?);
    }
    let limits = Limits { cache_commands: COMMANDS, cache_bytes: BYTES, deadline_ms: DEADLINE_MS, ..Limits::default() };
    let replies = server.engine.cache(&app, commands, &limits).await.map_err(|error| match error {
        CacheError::TimedOut { .. } | CacheError::Unavailable { .. } => ApiError::Unavailable(error.to_string()),
        refused => ApiError::BadRequest(refused.to_string()),
    })?;
    if replies.iter().map(CacheReply::size_bytes).sum::<usize>() <= LARGE_REPLIES_BYTES {
        return Ok(replies_json(&replies));
    }
    let permit = LARGE_REPLIES.acquire().await.map_err(internal)?;
    let writing = tokio::task::spawn_blocking(move || {
        let written = replies_json(&replies);
        drop((replies, permit));
        written
    });
    writing.await.map_err(internal)
}

fn replies_json(replies: &[CacheReply]) -> Response {
    Json(CacheReplies { replies: replies.iter().map(shown).collect() }).into_response()
}

fn bytes(word: CacheWord) -> Result<Vec<u8>, ApiError> {
    match word {
        CacheWord::Text(text) => Ok(text.into_bytes()),
        CacheWord::Bytes { base64 } => STANDARD
            .decode(base64)
            .map_err(|error| ApiError::BadRequest(format!("a word of a command is not base64: {error}"))),
    }
}

fn shown(reply: &CacheReply) -> control::CacheReply {
    match reply {
        CacheReply::Nil => control::CacheReply::Nil,
        CacheReply::Integer(number) => control::CacheReply::Integer(*number),
        CacheReply::Bulk(data) => match std::str::from_utf8(data) {
            Ok(text) => control::CacheReply::Text(text.to_owned()),
            Err(_) => control::CacheReply::Bytes { base64: STANDARD.encode(data) },
        },
        CacheReply::Status(status) => control::CacheReply::Status { status: status.to_string() },
        CacheReply::Error(error) => control::CacheReply::Error { error: error.to_string() },
        CacheReply::Array(parts) => control::CacheReply::Array(parts.iter().map(shown).collect()),
    }
}
