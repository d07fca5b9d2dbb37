//! Clients that may not log in.

use std::net::SocketAddr;
use std::time::Duration;

use api_types::control::{BannedClient, BansQuery, EndedBan, NewBan, ShownBan};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use hookd_im_core::ids::ClientId;
use hookd_im_core::presence::NotBanned;
use hookd_im_core::store::{Ban, ClientPage};

use super::super::input::{JsonBody, Parameters};
use super::super::{ApiError, internal, to_the_end};
use super::{ImControl, Owner};

/// Bans in one answer, where none are asked for, and at most.
const LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// A ban that is longer is one for ever.
const LONGEST: Duration = Duration::from_hours(100 * 365 * 24);

pub(super) async fn list(
    State(control): State<ImControl>,
    Owner(app): Owner,
    Parameters(BansQuery { limit, after }): Parameters<BansQuery>,
) -> Result<Json<Vec<ShownBan>>, ApiError> {
    let page = ClientPage { after, limit: limit.unwrap_or(LIMIT).min(MAX_LIMIT) };
    let bans = control.core.store.bans(&app.id, &page).await.map_err(internal)?;
    Ok(Json(bans.into_iter().map(shown).collect()))
}

pub(super) async fn ban(
    State(control): State<ImControl>,
    Owner(app): Owner,
    ConnectInfo(caller): ConnectInfo<SocketAddr>,
    JsonBody(NewBan { client, seconds }): JsonBody<NewBan>,
) -> Result<Json<ShownBan>, ApiError> {
    let time = seconds.map(Duration::from_secs);
    if time.is_some_and(|time| time.is_zero() || time > LONGEST) {
        let text = format!("`seconds` must be 1 to {}; leave it out to ban for ever", LONGEST.as_secs());
        return Err(ApiError::BadRequest(text));
    }
    let how = (time, caller.ip().to_canonical());
    let banning = async move { control.lifecycle.ban(&control.core, &app, &ClientId::new(client), how).await };
    match to_the_end(banning).await? {
        Ok(ban) => Ok(Json(shown(ban))),
        Err(NotBanned::Store(error)) => Err(internal(error)),
        Err(refused) => Err(ApiError::BadRequest(refused.to_string())),
    }
}

pub(super) async fn unban(
    State(control): State<ImControl>,
    Owner(app): Owner,
    Parameters(BannedClient { client }): Parameters<BannedClient>,
) -> Result<Json<EndedBan>, ApiError> {
    let unbanning = async move { control.lifecycle.unban(&control.core, &app.id, &ClientId::new(client)).await };
    let was_banned = to_the_end(unbanning).await?.map_err(internal)?;
    Ok(Json(EndedBan { was_banned }))
}

fn shown(Ban { client, banned_at, until }: Ban) -> ShownBan {
    ShownBan {
        client: client.as_str().to_owned(),
        banned_at: banned_at.to_iso(),
        until: until.map(|until| until.to_iso()),
    }
}
