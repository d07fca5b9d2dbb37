//! From credentials to an answer (§1.2, steps 6 to 9).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use serde_json::json;

use super::REQUEST_TIME;
use super::body::Body;
use super::client_address::client_address;
use super::credentials::{Access, Credentials};
use super::hook_names::FunctionKind;
use super::reply::{Reply, failure, json_response, of_outcome};
use super::route::{Route, Target};
use crate::apps::App;
use crate::calls::{Call, LiveApp};
use crate::engine::Engine;
use crate::outcome::Outcome;

static SEQUENCE: HeaderName = HeaderName::from_static("x-hookd-sequence");

/// A request whose credentials are right.
struct Caller<'a> {
    app: Arc<App>,
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
) -> Reply {
    let deadline = arrived + REQUEST_TIME;
    let Body { params, credentials } = body;
    let credentials = Credentials::read(headers, credentials);
    let app = credentials.id.as_deref().and_then(|id| engine.app(id));
    let Some((app, access)) = app.and_then(|app| credentials.access(&app).map(|access| (app, access))) else {
        return unauthorized();
    };
    let caller = Caller { app, access, credentials, address: client_address(headers, peer) };
    match &route.target {
        Target::Metadatas => metadatas(engine, &caller),
        Target::Nothing(path) => failure(404, 1, &format!("No function name or class name: {path}")),
        Target::ClassHook { class, hook } => class_hook(&caller, class, hook),
        Target::Function(name) => {
            let kind = FunctionKind::of(name);
            // Only the platform says how long it waits: it alone has shown the hook key.
            let asked = if kind.is_reserved() { query.and_then(deadline_of) } else { None };
            let function = Function {
                name,
                kind,
                params,
                // Counted by whoever calls it, for it may come more than once.
                sequence: if kind == FunctionKind::NotificationHook { sequence(headers) } else { None },
                arrived,
                deadline: asked.map_or(deadline, |asked| deadline.min(arrived + asked)),
            };
            match call(engine, caller, function).await {
                Ok(outcome) => of_outcome(outcome, name, route.is_rpc),
                Err(refused) => refused,
            }
        }
    }
}

/// What a request asks for.
struct Function<'a> {
    name: &'a str,
    kind: FunctionKind,
    params: Bytes,
    sequence: Option<u64>,
    arrived: Instant,
    deadline: Instant,
}

/// Hook key first, then existence, then `internal`: whoever lacks the hook key does not learn which hooks exist.
async fn call(engine: &Engine, caller: Caller<'_>, function: Function<'_>) -> Result<Outcome, Reply> {
    let Caller { app, access, credentials, address } = caller;
    let from = address.as_deref().unwrap_or("unknown");
    let platform = credentials.are_of_the_platform(&app);
    if function.kind.is_reserved() && !platform {
        return Err(failure(401, 401, &format!("Hook key check failed, request from {from}")));
    }
    let environment = credentials.environment();
    let Some(live) = LiveApp::of(app, environment) else { return Ok(Outcome::NotDefined) };
    let Some(internal) = live.version.function(function.name).map(|function| function.internal) else {
        return Ok(Outcome::NotDefined);
    };
    if internal && access != Access::Master && !platform {
        return Err(failure(401, 401, &format!("Internal cloud function, request from {from}")));
    }
    let call = Call {
        environment,
        name: function.name,
        params: function.params,
        remote_address: address.as_deref(),
        // Hooks are called by the platform, on behalf of clients that have no session here.
        session_token: credentials.session_token.as_deref().filter(|_| !function.kind.is_reserved()),
        sequence: function.sequence,
        arrived: function.arrived,
        deadline: function.deadline,
    };
    Ok(engine.call_live(&live, call).await)
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

/// The names of the live version's functions; the platform and LeanCloud's console read it.
fn metadatas(engine: &Engine, caller: &Caller<'_>) -> Reply {
    if caller.access != Access::Master {
        return unauthorized();
    }
    let definitions = engine.definitions(&caller.app.id, caller.credentials.environment());
    let names: Vec<&str> = definitions.iter().map(|definition| definition.name.as_str()).collect();
    json_response(200, json!({"result": names}).to_string())
}

/// Hooks of storage classes and users: protected like hooks, and never defined, for there is no storage.
fn class_hook(caller: &Caller<'_>, class: &str, hook: &str) -> Reply {
    if !caller.credentials.are_of_the_platform(&caller.app) {
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

fn unauthorized() -> Reply {
    failure(401, 401, "Unauthorized.")
}

impl Caller<'_> {
    fn from(&self) -> &str {
        self.address.as_deref().unwrap_or("unknown")
    }
}
