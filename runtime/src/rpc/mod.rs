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
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use opentelemetry::trace::FutureExt as _;
use serde_json::json;

use self::body::{Body, BodyRefused};
use self::dispatch::Dispatched;
pub use self::hook_names::FunctionKind;
use self::reply::{Reply, failure};
pub use self::service::{RpcConnection, RpcService};
use crate::deadline::until;
use crate::engine::Engine;
use crate::trace;

/// Time that a request has in all, reading it included (§1.11); an app's own deadline may be shorter.
const REQUEST_TIME: Duration = Duration::from_secs(15);

/// Health (§1.13).
fn ping() -> Reply {
    let runtime = concat!("hookd-", env!("CARGO_PKG_VERSION"));
    let mut health = Reply::new(json!({"runtime": runtime, "version": env!("CARGO_PKG_VERSION")}).to_string().into());
    health.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    health
}

/// Answers a request whose body may still be on its way. `peer` is the address of the socket.
async fn serve<B>(engine: &Engine, peer: Option<&str>, request: Request<B>) -> Reply
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let arrived = Instant::now();
    let (head, body) = request.into_parts();
    match until((arrived + REQUEST_TIME).into(), body::read(body)).await {
        Ok(Ok(bytes)) => answer(engine, peer, &head, bytes, arrived).await,
        Ok(Err(refused)) => refused.into_reply(),
        Err(_) => failure(503, 124, "The request timed out on the server."),
    }
}

/// The order of processing is LeanEngine's (§1.2): the body before CORS, CORS before credentials. Plain text, which browsers
/// send across origins without a preflight, is taken apart after CORS there, so its sender may read what was wrong.
async fn answer(engine: &Engine, peer: Option<&str>, head: &Parts, body: Bytes, arrived: Instant) -> Reply {
    let body = match Body::parse(content_type(&head.headers), body) {
        Ok(body) => body,
        Err(BodyRefused::MalformedText(reason)) => return cors::allow_origin(failure(400, 1, &reason), &head.headers),
        Err(BodyRefused::Malformed(_)) if head.headers.contains_key(header::CONTENT_ENCODING) => {
            return failure(415, 1, "the body is compressed; send it as it is, without `Content-Encoding`");
        }
        Err(refused) => return refused.into_reply(),
    };
    if head.method == Method::OPTIONS {
        return cors::allow_origin(cors::preflight(), &head.headers);
    }
    let answer = match dispatch::dispatch(engine, head, peer, body, arrived) {
        Dispatched::Answered(answer) => answer,
        Dispatched::Called { live, call, is_rpc } => {
            let outcome = match trace::of_request(&head.headers) {
                None => engine.call_live(&live, &call).await,
                Some(trace) => Box::pin(engine.call_live(&live, &call)).with_context(trace).await,
            };
            reply::of_outcome(outcome, &call.name, is_rpc)
        }
    };
    cors::allow_origin(answer, &head.headers)
}

/// Empty where there is none.
fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
