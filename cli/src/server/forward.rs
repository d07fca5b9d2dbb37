//! Passes requests on to an engine in another process, so that one address serves clients and developers alike.

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderName, Uri, Version};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use futures::StreamExt as _;
use hookd_im_core::hooks::{EngineAddress, EngineConnector};
use hyper_util::client::legacy::Client;
use tokio_util::sync::CancellationToken;

use super::admission::Place;
use super::control::ApiError;
use super::forwarding_trust::tell_client;

/// Of a connection, not of a request, also where `Connection` does not name them (RFC 9110, 7.6.1).
static HOP_BY_HOP: [HeaderName; 6] =
    [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")];

/// Begin of the headers that are between a client and its proxy.
const OF_PROXIES: &str = "proxy-";

#[derive(Clone)]
struct Forward {
    address: EngineAddress,
    client: Client<EngineConnector, Body>,
    /// Shown where the engine is told who the client is.
    front_key: Option<Arc<str>>,
    shutdown: CancellationToken,
}

/// The two parts of an engine's API, passed on.
pub struct Forwarded {
    /// The control API.
    pub control: Router,
    /// LeanEngine's HTTP contract.
    pub rpc: Router,
}

/// Routes to the engine at `address`, whose admin key is given. Answers without an end are broken off with `shutdown`.
pub fn forwarded(address: EngineAddress, admin_key: &str, shutdown: CancellationToken) -> Forwarded {
    let forward = Forward { client: address.client(), address, front_key: None, shutdown };
    let telling = Arc::new(Forward { front_key: Some(admin_key.into()), ..forward.clone() });
    let control = Router::new()
        .route("/hookd/v1", any(pass_on))
        .route("/hookd/v1/", any(pass_on))
        .route("/hookd/v1/{*rest}", any(pass_on))
        .with_state(Arc::new(forward));
    let mut rpc = Router::new().route("/__engine/{*rest}", any(pass_on));
    for prefix in ["/1/functions", "/1/call", "/1.1/functions", "/1.1/call"] {
        rpc = rpc
            .route(prefix, any(pass_on))
            .route(&format!("{prefix}/"), any(pass_on))
            .route(&format!("{prefix}/{{*name}}"), any(pass_on));
    }
    Forwarded { control, rpc: rpc.with_state(telling) }
}

/// Has no deadline of its own: the engine bounds the time of every request, and a caller who goes away ends this one.
async fn pass_on(State(forward): State<Arc<Forward>>, request: Request) -> Response {
    let follows_a_log = request.uri().path().ends_with("/logs");
    let place = request.extensions().get::<Place>().cloned();
    let request = match prepared(&forward, request) {
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

fn prepared(forward: &Forward, mut request: Request) -> Result<Request, axum::http::uri::InvalidUri> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = Uri::try_from(format!("{}{path}", forward.address.base()))?;
    *request.version_mut() = Version::HTTP_11;
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|client| client.0.ip());
    let headers = request.headers_mut();
    strip(headers);
    if let Some(front_key) = &forward.front_key {
        tell_client(headers, client, front_key);
    }
    Ok(request)
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    let of_proxies: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(OF_PROXIES)).cloned().collect();
    for name in named.iter().chain(&of_proxies).chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-29.
    #[test]
    fn what_concerns_the_connection_stays_behind() {
        let lines = [
            ("connection", "close, X-Secret ,, a b"),
            ("connection", "x-other"),
            ("x-secret", "1"),
            ("x-other", "2"),
            ("te", "trailers"),
            ("trailer", "x-sum"),
            ("upgrade", "h2c"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic x"),
            ("proxy-authenticate", "Basic"),
            ("proxy-anything", "x"),
            ("content-type", "text/plain"),
            ("x-lc-id", "demo"),
        ];
        let lines = lines.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let mut headers = HeaderMap::new();
        headers.extend(lines);
        strip(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-type", "x-lc-id"]);
    }
}
