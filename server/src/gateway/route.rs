//! `GET /v1/route`: where the socket is (P-13 … P-16).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::uri::Authority;
use serde_json::json;

use super::Shared;
use super::reject::rejection;

/// How long clients may keep the answer, in seconds.
const TTL_SECONDS: u32 = 3600;

/// Put into a request by the server: the client came over TLS, to a proxy before it.
#[derive(Clone, Copy, Debug)]
pub struct ClientOverTls;

/// Answers the WebSocket URL: the configured one, else the host that the client asked.
pub(super) async fn route(
    State(shared): State<Arc<Shared>>,
    over_tls: Option<Extension<ClientOverTls>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some(server) = server_url(&shared, over_tls.is_some(), &uri, &headers) else {
        return rejection(StatusCode::BAD_REQUEST, 1, "the request has no usable `Host` header");
    };
    Json(json!({ "server": server, "secondary": server, "ttl": TTL_SECONDS })).into_response()
}

fn server_url(shared: &Shared, over_tls: bool, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    if let Some(url) = &shared.config.public_url {
        return Some(match url.strip_prefix("http") {
            Some(rest) => format!("ws{rest}"),
            None => url.clone(),
        });
    }
    let authority = match headers.get(header::HOST) {
        Some(host) => host.to_str().ok()?.parse::<Authority>().ok()?,
        None => uri.authority()?.clone(),
    };
    let scheme = if over_tls { "wss" } else { "ws" };
    Some(format!("{scheme}://{authority}/"))
}
