//! The feed for IM cores in other processes.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::Control;
use super::apps::Admin;
use super::input::Parameters;
pub(super) use crate::directory::PATH;
use crate::directory::{Poll, REACHED_AT};

/// 204 when nothing changed for a while.
pub(super) async fn poll(
    State(control): State<Control>,
    _: Admin,
    headers: HeaderMap,
    Parameters(poll): Parameters<Poll>,
) -> Response {
    for url in headers.get_all(REACHED_AT).iter().filter_map(|url| url.to_str().ok()) {
        control.engine.add_own_url(url);
    }
    match control.feed.poll(&poll.follower, poll.applied.as_deref()).await {
        Some(snapshot) => Json(snapshot).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}
