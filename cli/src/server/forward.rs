//! Passes requests on to an engine in another process, so that one address serves clients and developers alike.

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONNECTION, FORWARDED, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use futures::StreamExt as _;
use hookd_im_core::hooks::{EngineAddress, EngineConnector};
use hyper_util::client::legacy::Client;
use tokio_util::sync::CancellationToken;

use super::admission::Place;
use super::control::ApiError;

/// Of a connection, not of a request (RFC 9110, 7.6.1).
static HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

static REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

struct Forward {
    address: EngineAddress,
    client: Client<EngineConnector, Body>,
    shutdown: CancellationToken,
}

/// The two parts of an engine's API, passed on.
pub struct Forwarded {
    /// The control API.
    pub control: Router,
    /// LeanEngine's HTTP contract.
    pub rpc: Router,
}

/// Routes to the engine at `address`. Answers without an end are broken off with `shutdown`.
pub fn forwarded(address: EngineAddress, shutdown: CancellationToken) -> Forwarded {
    let forward = Arc::new(Forward { client: address.client(), address, shutdown });
    let control = Router::new()
        .route("/hookd/v1", any(pass_on))
        .route("/hookd/v1/", any(pass_on))
        .route("/hookd/v1/{*rest}", any(pass_on))
        .with_state(forward.clone());
    let mut rpc = Router::new().route("/__engine/{*rest}", any(pass_on));
    for prefix in ["/1/functions", "/1/call", "/1.1/functions", "/1.1/call"] {
        rpc = rpc
            .route(prefix, any(pass_on))
            .route(&format!("{prefix}/"), any(pass_on))
            .route(&format!("{prefix}/{{*name}}"), any(pass_on));
    }
    Forwarded { control, rpc: rpc.with_state(forward) }
}

/// Has no deadline of its own: the engine bounds the time of every request, and a caller who goes away ends this one.
async fn pass_on(State(forward): State<Arc<Forward>>, request: Request) -> Response {
    let follows_a_log = request.uri().path().ends_with("/logs");
    let place = request.extensions().get::<Place>().cloned();
    let request = match prepared(&forward.address, request) {
        Ok(request) => request,
        Err(error) => return ApiError::BadRequest(format!("the request cannot be passed on: {error}")).into_response(),
    };
    match forward.client.request(request).await {
        Ok(mut response) => {
            if let Some(place) = place
                && shows_right_keys(&response)
            {
                place.is_known_now();
            }
            strip(response.headers_mut());
            let response = response.map(Body::new);
            if !follows_a_log {
                return response;
            }
            let shutdown = forward.shutdown.clone();
            response.map(|body| {
                let lines = body.into_data_stream().take_until(shutdown.cancelled_owned());
                Body::from_stream(lines)
            })
        }
        Err(error) => {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            let text =
                format!("the engine at `{}` does not answer: {cause}; start it with `hookd engine`", forward.address);
            ApiError::Unavailable(text).into_response()
        }
    }
}

/// True when the engine let the caller in: it called a function, or answered what needs a key.
fn shows_right_keys<B>(response: &Response<B>) -> bool {
    response.headers().contains_key("x-hookd-outcome")
}

fn prepared(address: &EngineAddress, mut request: Request) -> Result<Request, axum::http::uri::InvalidUri> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = Uri::try_from(format!("{}{path}", address.base()))?;
    *request.version_mut() = Version::HTTP_11;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    let headers = request.headers_mut();
    strip(headers);
    // To the engine the connection comes from here; the functions are told who it really was.
    let named = [&FORWARDED, &REAL_IP, &FORWARDED_FOR].into_iter().any(|name| headers.contains_key(name));
    if let (false, Some(peer)) = (named, peer)
        && let Ok(peer) = HeaderValue::from_str(&peer.to_string())
    {
        headers.insert(REAL_IP.clone(), peer);
    }
    Ok(request)
}

fn strip(headers: &mut HeaderMap) {
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}
