//! LeanEngine's HTTP contract (`engine-contract` §1), so that whatever calls a LeanEngine app can call the engine.
//!
//! One thing is added: whoever calls a hook may say with `?deadline-ms=N` how long it waits, so that the function is
//! stopped, and its timeout reported, when the caller gives up.

mod body;
mod client_address;
mod cors;
mod credentials;
mod dispatch;
mod hook_names;
mod reply;
mod route;
mod service;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use opentelemetry::trace::FutureExt as _;
use serde_json::json;

use self::body::{Body, BodyRefused};
pub use self::hook_names::FunctionKind;
use self::reply::{Reply, failure};
use self::route::Route;
pub use self::service::{RpcBody, RpcConnection, RpcService};
use crate::deadline::until;
use crate::engine::Engine;
use crate::trace;

/// Time that a request has in all, reading it included (§1.11); an app's own deadline may be shorter.
const REQUEST_TIME: Duration = Duration::from_secs(15);

/// Health (§1.13).
fn ping() -> Reply {
    let runtime = concat!("hookd-", env!("CARGO_PKG_VERSION"));
    let health = json!({"runtime": runtime, "version": env!("CARGO_PKG_VERSION")}).to_string();
    let mut response = Reply::new(Full::from(health));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn serve<B>(engine: &Engine, peer: Option<&str>, request: Request<B>) -> Reply
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    match trace::of_request(request.headers()) {
        None => answer(engine, peer, request).await,
        // On the heap, so that the future of a call that is not traced stays as small as it was.
        Some(trace) => Box::pin(answer(engine, peer, request)).with_context(trace).await,
    }
}

/// The order of processing is LeanEngine's (§1.2): the body before CORS, CORS before credentials. Plain text, which browsers
/// send across origins without a preflight, is taken apart after CORS there, so its sender may read what was wrong.
/// `peer` is the address of the socket.
async fn answer<B>(engine: &Engine, peer: Option<&str>, request: Request<B>) -> Reply
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let bytes = match until((arrived + REQUEST_TIME).into(), body::read(body)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(refused)) => return refused.into_reply(),
        Err(_) => return failure(503, 124, "The request timed out on the server."),
    };
    let body = match Body::parse(content_type(&parts.headers), bytes) {
        Ok(body) => body,
        Err(BodyRefused::MalformedText(reason)) => {
            let mut response = failure(400, 1, &reason);
            cors::allow_origin(&mut response, &parts.headers);
            return response;
        }
        Err(BodyRefused::Malformed(_)) if parts.headers.contains_key(header::CONTENT_ENCODING) => {
            return failure(415, 1, "the body is compressed; send it as it is, without `Content-Encoding`");
        }
        Err(refused) => return refused.into_reply(),
    };
    let mut response = if parts.method == Method::OPTIONS {
        cors::preflight()
    } else {
        let route = Route::parse(&parts.uri);
        dispatch::dispatch(engine, (&route, parts.uri.query()), &parts.headers, peer, body, arrived).await
    };
    cors::allow_origin(&mut response, &parts.headers);
    response
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
