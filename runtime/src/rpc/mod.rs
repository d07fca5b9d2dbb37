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

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::{HeaderMap, Method, header};
use opentelemetry::trace::FutureExt as _;
use serde_json::json;
use tokio::time::timeout_at;

use self::body::Body;
use self::reply::{failure, json_response};
use self::route::Route;
use crate::engine::Engine;
use crate::trace;

/// Time that a request has in all, reading it included (§1.11); an app's own deadline may be shorter.
const REQUEST_TIME: Duration = Duration::from_secs(15);

/// The routes, for any method (EC-2).
pub(crate) fn router(engine: Engine) -> Router {
    let mut router = Router::new()
        .route("/__engine/1/ping", any(ping))
        .route("/__engine/1.1/ping", any(ping))
        .route("/__engine/1.1/ping/", any(ping));
    for prefix in ["/1/functions", "/1/call", "/1.1/functions", "/1.1/call"] {
        router = router
            .route(prefix, any(serve))
            .route(&format!("{prefix}/"), any(serve))
            .route(&format!("{prefix}/{{*name}}"), any(serve));
    }
    router.with_state(engine)
}

/// Health (§1.13).
async fn ping() -> Response {
    let runtime = concat!("hookd-", env!("CARGO_PKG_VERSION"));
    json_response(200, json!({"runtime": runtime, "version": env!("CARGO_PKG_VERSION")}).to_string())
}

async fn serve(State(engine): State<Engine>, request: Request) -> Response {
    match trace::of_request(request.headers()) {
        None => answer(engine, request).await,
        Some(trace) => Box::pin(answer(engine, request)).with_context(trace).await,
    }
}

/// The order of processing is LeanEngine's (§1.2): the body before CORS, CORS before credentials.
async fn answer(engine: Engine, request: Request) -> Response {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let reading = body::read(body);
    let bytes = match timeout_at((arrived + REQUEST_TIME).into(), reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(refused)) => return refused.into_response(),
        Err(_) => return failure(503, 124, "The request timed out on the server."),
    };
    let body = match Body::parse(content_type(&parts.headers), bytes) {
        Ok(body) => body,
        Err(refused) => return refused.into_response(),
    };
    let mut response = if parts.method == Method::OPTIONS {
        cors::preflight()
    } else {
        dispatch::dispatch(&engine, &Route::parse(&parts.uri), &parts, body, arrived).await
    };
    cors::allow_origin(&mut response, &parts.headers);
    response
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
