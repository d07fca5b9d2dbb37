//! Passes requests on to an engine in another process, so that one address serves clients and developers alike.
//!
//! An engine that does not answer is not waited for without end, and not by any number of requests: each has a time, and each
//! app a share of the permits.

mod bodies;
mod callers;
mod headers;

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, Version};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Json, Router};
use futures::StreamExt as _;
use hookd_im_core::app::AppDirectory;
use hookd_runtime::{Outcome, TimeLimit};
use hyper_util::client::legacy::Client;
use rustix::process::{Resource, getrlimit};
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::bodies::{Download, Progress, Upload};
use self::headers::strip;
use super::admission::Place;
use super::forwarding_trust::tell_client;
use crate::control::ApiError;
use crate::remote_engine::{EngineAddress, EngineConnector, Holder, RequestPermits};
use crate::rpc::{APP_ID_HEADERS, REQUEST_TIME};

/// The engine ends every call by itself; this much later it is taken for stuck.
const CALL_GRACE: Duration = Duration::from_millis(500);

/// The engine answers at once whether it is there; callers wait a little longer for this answer.
const PING_TIME: Duration = Duration::from_secs(3);

/// The answer to a call is there as a whole before its first byte is sent.
const CALL_IDLE_TIME: Duration = Duration::from_secs(5);

/// The engine has so long for the next thing that is its turn in a control call: the longest wait that it allows itself is for
/// the poll of a follower.
const CONTROL_TIME: Duration = Duration::from_secs(25);

/// The engine ends bodies by itself that clients leave unfinished; this is later.
const CLIENT_TIME: Duration = Duration::from_secs(40);

/// Calls at the same time: one app alone may have about as many as the engine lets wait of it.
const CALLS: usize = 2_048;

/// Control calls at the same time, those without an end included.
const CONTROL_CALLS: usize = 256;

/// Of a request that changes something, and whose answer is lost.
const MAY_BE_DONE: &str = "; it may still do what it was asked for: look before you ask again";

/// The header in which the engine reports the outcome of a call.
const OUTCOME: &str = "x-hookd-outcome";

/// A part of the engine's API.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// LeanEngine's HTTP contract.
    Calls,
    /// What asks whether the engine is there.
    Ping,
    Control,
}

#[derive(Clone)]
struct Forward {
    part: Part,
    address: EngineAddress,
    client: Client<EngineConnector, Body>,
    /// The installation's. With calls it goes to the engine beside the address of the client.
    admin_key: Arc<str>,
    apps: Arc<dyn AppDirectory>,
    permits: RequestPermits,
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
pub fn forwarded(
    address: EngineAddress,
    admin_key: &str,
    apps: Arc<dyn AppDirectory>,
    shutdown: CancellationToken,
) -> Forwarded {
    let forward = Forward {
        part: Part::Control,
        client: address.client(),
        address,
        admin_key: admin_key.into(),
        apps,
        permits: permits(CONTROL_CALLS),
        shutdown,
    };
    let calls = Arc::new(Forward { part: Part::Calls, permits: permits(CALLS), ..forward.clone() });
    let control = Router::new()
        .route("/hookd/v1", any(pass_on))
        .route("/hookd/v1/", any(pass_on))
        .route("/hookd/v1/{*rest}", any(pass_on))
        .with_state(Arc::new(forward));
    let ping = Arc::new(Forward { part: Part::Ping, ..(*calls).clone() });
    let mut rpc = Router::new();
    for prefix in ["/1/functions", "/1/call", "/1.1/functions", "/1.1/call"] {
        rpc = rpc
            .route(prefix, any(pass_on))
            .route(&format!("{prefix}/"), any(pass_on))
            .route(&format!("{prefix}/{{*name}}"), any(pass_on));
    }
    let ping = Router::new().route("/__engine/{*rest}", any(pass_on)).with_state(ping);
    Forwarded { control, rpc: rpc.with_state(calls).merge(ping) }
}

/// So many, and less where there are few descriptors.
fn permits(count: usize) -> RequestPermits {
    let descriptors = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    RequestPermits::new(count.min(usize::try_from(descriptors / 8).unwrap_or(usize::MAX)))
}

/// Ends when the caller goes away, and at its deadline.
async fn pass_on(State(forward): State<Arc<Forward>>, request: Request) -> Response {
    let arrived = Instant::now();
    let Some(permit) = forward.permits.take(forward.holder(&request)) else { return forward.too_many() };
    let follows_a_log = request.uri().path().ends_with("/logs");
    let (is_safe, version) = (request.method().is_safe(), request.version());
    let place = request.extensions().get::<Place>().cloned();
    let progress = Progress::new();
    let request = match forward.prepared(request, progress.clone()) {
        Ok(request) => request,
        Err(error) => return ApiError::BadRequest(format!("the request cannot be passed on: {error}")).into_response(),
    };
    let answered = tokio::select! {
        answered = forward.client.request(request) => answered,
        () = forward.time_is_up(arrived, &progress) => return closing(forward.no_answer(is_safe), version),
    };
    match answered {
        Ok(mut response) => {
            if let Some(place) = place
                && shows_right_keys(&response)
            {
                place.is_known_now();
            }
            let idle_time = forward.idle_time(response.headers());
            strip(response.headers_mut());
            let response = response.map(|body| Body::new(Download::new(body, idle_time, permit)));
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
            let then = if is_safe || error.is_connect() { "" } else { MAY_BE_DONE };
            let address = &forward.address;
            let text =
                format!("the engine at `{address}` does not answer: {cause}; start it with `hookd engine`{then}");
            ApiError::Unavailable(text).into_response()
        }
    }
}

impl Forward {
    fn holder(&self, request: &Request) -> Holder {
        let header = |name: &&str| request.headers().get(*name)?.to_str().ok();
        let id = match self.part {
            Part::Calls | Part::Ping => APP_ID_HEADERS.iter().find_map(header),
            // `/hookd/v1/apps/{app}/…`
            Part::Control => request.uri().path().split('/').nth(4),
        };
        callers::holder(request.headers(), id, &*self.apps, &self.admin_key)
    }

    fn prepared(&self, request: Request, progress: Progress) -> Result<Request, axum::http::uri::InvalidUri> {
        let mut request = request.map(|body| Body::new(Upload { body, progress }));
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = Uri::try_from(format!("{}{path}", self.address.base()))?;
        *request.version_mut() = Version::HTTP_11;
        let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|client| client.0.ip());
        let headers = request.headers_mut();
        strip(headers);
        if self.part == Part::Calls {
            tell_client(headers, client, &self.admin_key);
        }
        Ok(request)
    }

    /// Resolves when the engine is taken for stuck.
    async fn time_is_up(&self, arrived: Instant, progress: &Progress) {
        match self.part {
            Part::Calls => return sleep_until(arrived + REQUEST_TIME + CALL_GRACE).await,
            Part::Ping => return sleep_until(arrived + PING_TIME).await,
            Part::Control => {}
        }
        loop {
            let at = progress.ends_at(CONTROL_TIME, CLIENT_TIME);
            if at <= Instant::now() {
                return;
            }
            sleep_until(at).await;
        }
    }

    /// How long the body of an answer may stand still.
    fn idle_time(&self, headers: &HeaderMap) -> Option<Duration> {
        let comes_bit_by_bit = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/x-ndjson");
        match self.part {
            Part::Calls | Part::Ping => Some(CALL_IDLE_TIME),
            Part::Control if headers.contains_key(api_types::headers::KEEP_ALIVE) => {
                Some(api_types::headers::KEPT_ALIVE_TIME)
            }
            // An engine of an earlier version may be silent in it.
            Part::Control if comes_bit_by_bit => None,
            Part::Control => Some(CONTROL_TIME),
        }
    }

    fn no_answer(&self, is_safe: bool) -> Response {
        if self.part == Part::Calls {
            let limit = REQUEST_TIME;
            let timed_out = Outcome::TimedOut { limit, by: TimeLimit::Deadline };
            let failure = timed_out.wire_failure("").map(|failure| (failure.code, failure.error)).unwrap_or_default();
            return refused(failure, timed_out.name());
        }
        let then = if is_safe { "" } else { MAY_BE_DONE };
        let time = if self.part == Part::Ping { PING_TIME } else { CONTROL_TIME };
        let (address, seconds) = (&self.address, time.as_secs());
        ApiError::Unavailable(format!("the engine at `{address}` did not answer within {seconds} s{then}"))
            .into_response()
    }

    fn too_many(&self) -> Response {
        let text = format!("too many requests of this app wait for the engine at `{}`", self.address);
        let mut response = match self.part {
            Part::Calls => refused((1, "too many calls of this app wait for the engine".to_owned()), "overloaded"),
            Part::Ping | Part::Control => ApiError::Unavailable(text).into_response(),
        };
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        response
    }
}

/// As the engine refuses calls.
fn refused((code, error): (i32, String), outcome: &'static str) -> Response {
    let body = Json(json!({"code": code, "error": error}));
    (StatusCode::SERVICE_UNAVAILABLE, [(OUTCOME, outcome)], body).into_response()
}

/// The client's connection ends too: the rest of its request may still be on its way.
fn closing(mut response: Response, version: Version) -> Response {
    if version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// True when the engine let the caller in: it called a function, or answered what needs a key.
fn shows_right_keys<B>(response: &axum::http::Response<B>) -> bool {
    response.headers().contains_key(OUTCOME)
}
