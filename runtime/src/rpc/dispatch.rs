//! From credentials to an answer (§1.2, steps 6 to 9).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::Response;
use http::{HeaderMap, HeaderName};
use serde_json::json;

use super::REQUEST_TIME;
use super::body::Body;
use super::client_address::client_address;
use super::credentials::{Access, Credentials};
use super::hook_names::{is_notification, is_reserved};
use super::reply::{failure, json_response, of_outcome};
use super::route::{Route, Target};
use crate::apps::App;
use crate::calls::Call;
use crate::engine::Engine;
use crate::outcome::Outcome;

static SEQUENCE: HeaderName = HeaderName::from_static("x-hookd-sequence");

/// A request whose credentials are right.
struct Caller<'a> {
    app: &'a Arc<App>,
    access: Access,
    credentials: Credentials<'a>,
    address: Option<Cow<'a, str>>,
}

/// `peer` is the address of the socket; `query` that of the URI; the deadline counts from `arrived`.
pub(super) async fn dispatch(
    engine: &Engine,
    (route, query): (&Route<'_>, Option<&str>),
    headers: &HeaderMap,
    peer: Option<&str>,
    body: Body,
    arrived: Instant,
) -> Response {
    let deadline = arrived + REQUEST_TIME;
    let Body { params, credentials } = body;
    let credentials = Credentials::read(headers, credentials);
    let app = credentials.id.as_deref().and_then(|id| engine.app(id));
    let Some((app, access)) = app.as_ref().and_then(|app| Some((app, credentials.access(app)?))) else {
        return unauthorized();
    };
    let caller = Caller { app, access, credentials, address: client_address(headers, peer) };
    match &route.target {
        Target::Metadatas => metadatas(engine, &caller),
        Target::Nothing(path) => failure(404, 1, &format!("No function name or class name: {path}")),
        Target::ClassHook { class, hook } => class_hook(&caller, class, hook),
        Target::Function(name) => match refusal(&caller, name) {
            Some(refused) => refused,
            None => {
                // Only the platform says how long it waits: it alone has shown the hook key.
                let asked = if is_reserved(name) { query.and_then(deadline_of) } else { None };
                let deadline = asked.map_or(deadline, |asked| deadline.min(arrived + asked));
                let call = Call {
                    environment: caller.credentials.environment(),
                    name,
                    params,
                    remote_address: caller.address.as_deref(),
                    // Hooks are called by the platform, on behalf of clients that have no session here.
                    session_token: caller.credentials.session_token.as_deref().filter(|_| !is_reserved(name)),
                    // Who may call a hook has shown the hook key.
                    sequence: if is_notification(name) { sequence(headers) } else { None },
                    arrived,
                    deadline,
                };
                of_outcome(engine.call_app(app, call).await, name, route.is_rpc)
            }
        },
    }
}

/// `deadline-ms=N` of a query: how long the caller waits.
fn deadline_of(query: &str) -> Option<Duration> {
    let milliseconds = query.split('&').find_map(|pair| pair.strip_prefix("deadline-ms="))?;
    // A time without end could not be added to another.
    Some(Duration::from_millis(milliseconds.parse().ok()?).min(REQUEST_TIME))
}

/// Which notification this is, where the caller counts them.
fn sequence(headers: &HeaderMap) -> Option<u64> {
    headers.get(&SEQUENCE)?.to_str().ok()?.parse().ok()
}

/// Hook key first, then existence, then `internal`: whoever lacks the hook key does not learn which hooks exist.
fn refusal(caller: &Caller<'_>, name: &str) -> Option<Response> {
    let platform = caller.credentials.are_of_the_platform(caller.app);
    if is_reserved(name) && !platform {
        return Some(failure(401, 401, &format!("Hook key check failed, request from {}", caller.from())));
    }
    let live = caller.app.live(caller.credentials.environment()).load();
    let Some(internal) = live.as_ref().and_then(|live| live.function(name)).map(|function| function.internal) else {
        return Some(of_outcome(Outcome::NotDefined, name, false));
    };
    if internal && caller.access != Access::Master && !platform {
        return Some(failure(401, 401, &format!("Internal cloud function, request from {}", caller.from())));
    }
    None
}

/// The names of the live version's functions; the platform and LeanCloud's console read it.
fn metadatas(engine: &Engine, caller: &Caller<'_>) -> Response {
    if caller.access != Access::Master {
        return unauthorized();
    }
    let definitions = engine.definitions(&caller.app.id, caller.credentials.environment());
    let names: Vec<&str> = definitions.iter().map(|definition| definition.name.as_str()).collect();
    json_response(200, json!({"result": names}).to_string())
}

/// Hooks of storage classes and users: protected like hooks, and never defined, for there is no storage.
fn class_hook(caller: &Caller<'_>, class: &str, hook: &str) -> Response {
    if !caller.credentials.are_of_the_platform(caller.app) {
        return failure(401, 401, &format!("Hook key check failed, request from {}", caller.from()));
    }
    match (class, hook) {
        ("onVerified", _) => failure(404, 1, "No such hook: onVerified"),
        ("_User", "onLogin" | "onAuthData") | ("BigQuery" | "Insight", "onComplete") => {
            failure(404, 1, &format!("No such hook: {hook}"))
        }
        _ => failure(404, 1, &format!("No {hook} hook of '{class}'")),
    }
}

fn unauthorized() -> Response {
    failure(401, 401, "Unauthorized.")
}

impl Caller<'_> {
    fn from(&self) -> &str {
        self.address.as_deref().unwrap_or("unknown")
    }
}
