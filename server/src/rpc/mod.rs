//! LeanEngine's HTTP contract (`engine-contract` §1), so that every caller of a LeanEngine app can call the engine.
//!
//! One thing is added: the caller of a hook may say with `?deadline-ms=N` how long it waits, so that the function is
//! stopped, and its timeout reported, when the caller gives up.

mod body;
mod client_address;
mod cors;
mod credentials;
mod dispatch;
mod incoming_body;
mod reply;
mod route;
mod service;

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api_types::control::Health;
use bytes::Bytes;
use hookd_runtime::{Engine, trace_of_request, until};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use opentelemetry::trace::FutureExt as _;

use self::body::BodyRefused;
pub use self::client_address::{FORWARDING_HEADERS, client_named_by_proxy};
pub use self::credentials::ID as APP_ID_HEADERS;
use self::dispatch::Dispatched;
use self::incoming_body::{IncomingBodies, IncomingBody};
use self::reply::{Reply, failure, timed_out};
pub use self::service::{RpcConnection, RpcService};

/// For the fuzzer: whether the body is one is not the question.
pub(crate) fn check_body(content_type: &str, bytes: Bytes) {
    let _ = body::Body::parse(content_type, bytes);
}

/// Time that a request has in all, reading it included (§1.11); an app's own deadline may be shorter.
pub const REQUEST_TIME: Duration = Duration::from_secs(15);

/// Health (§1.13).
fn ping() -> Reply {
    let runtime = concat!("hookd-", env!("CARGO_PKG_VERSION")).to_owned();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    // A struct of texts can always be written.
    let health = serde_json::to_vec(&Health { runtime, version }).unwrap_or_default();
    let mut health = Reply::new(health.into());
    health.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    health
}

/// The peer that sent a request.
#[derive(Clone, Copy)]
struct Caller<'a> {
    /// The client's address.
    client: Option<IpAddr>,
    /// To be called when it has shown the right keys of an app.
    is_known: &'a (dyn Fn() + Send + Sync),
}

/// Answers a request whose body may still be on its way.
async fn serve<B>(part: (&Engine, &IncomingBodies), caller: Caller<'_>, request: Request<B>) -> Reply
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let (engine, bodies) = part;
    let arrived = Instant::now();
    let (head, body) = request.into_parts();
    let announced = body.size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let sender = || {
        let app = dispatch::app_of_headers(engine, &head.headers)?;
        (caller.is_known)();
        Some(Arc::from(app.id.as_str()))
    };
    let body = pin!(body);
    let reading = bodies.read(body, announced, sender);
    match until((arrived + REQUEST_TIME).into(), reading).await {
        Ok(Ok(IncomingBody::Whole(bytes, None))) => answer(part, caller, &head, bytes, arrived).await,
        Ok(Ok(IncomingBody::Whole(bytes, Some(memory)))) => tokio::select! {
            biased;
            () = memory.lost() => BodyRefused::NoMemory.into_reply(),
            answer = answer(part, caller, &head, bytes, arrived) => answer,
        },
        Ok(Ok(IncomingBody::Discarded)) => without_body(&head),
        Ok(Err(refused)) => refused.into_reply(),
        Err(_) => timed_out(),
    }
}

/// The order of processing is LeanEngine's (§1.2): the body before CORS, CORS before credentials. Plain text, which browsers
/// send across origins without a preflight, is taken apart after CORS there, so its sender may read what was wrong.
async fn answer(
    (engine, bodies): (&Engine, &IncomingBodies),
    caller: Caller<'_>,
    head: &Parts,
    body: Bytes,
    arrived: Instant,
) -> Reply {
    let sender = || dispatch::app_of_headers(engine, &head.headers);
    let body = match bodies.parse(content_type(&head.headers), body, sender).await {
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
    let answer = match dispatch::dispatch(engine, head, caller, body, arrived) {
        Dispatched::Answered(answer) => answer,
        Dispatched::Called { live, call, is_rpc } => {
            let outcome = match trace_of_request(&head.headers) {
                None => engine.call_live(&live, &call).await,
                Some(trace) => Box::pin(engine.call_live(&live, &call)).with_context(trace).await,
            };
            reply::of_outcome(outcome, &call.name, is_rpc)
        }
    };
    cors::allow_origin(answer, &head.headers)
}

/// Answers a request of an unknown sender whose body was not kept.
fn without_body(head: &Parts) -> Reply {
    if body::may_hold_credentials(content_type(&head.headers)) {
        return BodyRefused::TooLarge.into_reply();
    }
    let answer = if head.method == Method::OPTIONS { cors::preflight() } else { dispatch::unauthorized() };
    cors::allow_origin(answer, &head.headers)
}

/// Empty if it is absent.
fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
