//! From credentials to an answer (§1.2, steps 6 to 9).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api_types::FunctionKind;
use bytes::Bytes;
use hookd_runtime::{App, Call, CallChain, Engine, LiveApp, Outcome};
use http::HeaderMap;
use http::request::Parts;
use serde_json::json;

use super::body::Body;
use super::client_address::client_named_by_platform;
use super::credentials::{Access, Credentials};
use super::reply::{Reply, failure, json_response, of_outcome};
use super::route::{Route, Target};
use super::{Caller, REQUEST_TIME};

/// A request whose credentials are right.
struct KnownCaller<'a> {
    app: Arc<App>,
    access: Access,
    credentials: Credentials<'a>,
    address: Option<IpAddr>,
}

/// What becomes of a request.
pub(super) enum Dispatched<'a> {
    Answered(Reply),
    /// The function is there, and may be called.
    Called {
        live: Arc<LiveApp>,
        call: Call<'a>,
        is_rpc: bool,
    },
}

/// The app whose keys the headers show.
pub(super) fn app_of_headers(engine: &Engine, headers: &HeaderMap) -> Option<Arc<App>> {
    let credentials = Credentials::of(headers, None);
    let app = engine.app(credentials.id.as_deref()?)?;
    credentials.access(&app).map(|_| app)
}

/// The client is that of `from`, unless the platform names another one; the deadline counts from `arrived`.
pub(super) fn dispatch<'a>(
    engine: &Engine,
    head: &'a Parts,
    from: Caller<'a>,
    body: Body,
    arrived: Instant,
) -> Dispatched<'a> {
    let Route { is_rpc, target } = Route::parse(head.uri.path(), head.uri.query());
    let Body { params, credentials } = body;
    let credentials = Credentials::of(&head.headers, credentials);
    let app = credentials.id.as_deref().and_then(|id| engine.app(id));
    let Some((app, access)) = app.and_then(|app| credentials.access(&app).map(|access| (app, access))) else {
        return Dispatched::Answered(unauthorized());
    };
    (from.is_known)();
    // EC-32: the platform calls hooks on behalf of clients, whose addresses it sends.
    let is_platform = credentials.are_of_the_platform(&app);
    let named = if is_platform { client_named_by_platform(&head.headers) } else { None };
    let caller = KnownCaller { app, access, credentials, address: named.or(from.client) };
    Dispatched::Answered(match target {
        Target::Metadatas => metadatas(engine, &caller),
        Target::Nothing(path) => failure(404, 1, &format!("No function name or class name: {path}")),
        Target::ClassHook { class, hook } => class_hook(&caller, &class, &hook),
        Target::Function(name) => {
            let kind = FunctionKind::of(&name);
            match callable(&caller, &name, kind) {
                Callable::Yes(live) => {
                    let chain = engine.call_chain(&head.headers);
                    let call = call(caller, head, (name, kind), params, arrived, chain);
                    return Dispatched::Called { live, call, is_rpc };
                }
                Callable::NotDefined => of_outcome(Outcome::NotDefined, &name, is_rpc),
                Callable::No(reason) => failure(401, 401, &format!("{reason}, request from {}", caller.from())),
            }
        }
    })
}

/// Whether a caller may call a function.
enum Callable {
    Yes(Arc<LiveApp>),
    NotDefined,
    No(&'static str),
}

/// Hook key first, then existence, then `internal`: a caller without the hook key does not learn which hooks exist.
fn callable(caller: &KnownCaller<'_>, name: &str, kind: FunctionKind) -> Callable {
    let is_platform = caller.credentials.are_of_the_platform(&caller.app);
    if kind.is_reserved() && !is_platform {
        return Callable::No("Hook key check failed");
    }
    let Some(live) = LiveApp::of(caller.app.clone(), caller.credentials.environment()) else {
        return Callable::NotDefined;
    };
    match live.is_internal(name) {
        None => Callable::NotDefined,
        Some(true) if caller.access != Access::Master && !is_platform => Callable::No("Internal cloud function"),
        Some(_) => Callable::Yes(live),
    }
}

fn call<'a>(
    caller: KnownCaller<'a>,
    head: &Parts,
    (name, kind): (Cow<'a, str>, FunctionKind),
    params: Bytes,
    arrived: Instant,
    chain: Option<(Arc<CallChain>, Instant)>,
) -> Call<'a> {
    // Only the platform says how long it waits: it alone has shown the hook key.
    let asked = if kind.is_reserved() { head.uri.query().and_then(deadline_of) } else { None };
    let deadline = arrived + asked.map_or(REQUEST_TIME, |asked| asked.min(REQUEST_TIME));
    let (chain, callers_deadline) = chain.unzip();
    Call {
        environment: caller.credentials.environment(),
        name,
        params,
        remote_address: caller.address.map(|address| Cow::Owned(address.to_string())),
        // Hooks are called by the platform, on behalf of clients that have no session here.
        session_token: caller.credentials.session_token.filter(|_| !kind.is_reserved()),
        // The caller numbers its calls, because a call may arrive more than once.
        sequence: if kind == FunctionKind::NotificationHook { sequence(&head.headers) } else { None },
        chain,
        arrived,
        deadline: callers_deadline.map_or(deadline, |callers| callers.min(deadline)),
    }
}

/// Which notification this is, where the caller counts them.
fn sequence(headers: &HeaderMap) -> Option<u64> {
    headers.get("x-hookd-sequence")?.to_str().ok()?.parse().ok()
}

/// `deadline-ms=N` of a query: how long the caller waits.
fn deadline_of(query: &str) -> Option<Duration> {
    let milliseconds = query.split('&').find_map(|pair| pair.strip_prefix("deadline-ms="))?;
    // A time without end could not be added to another.
    Some(Duration::from_millis(milliseconds.parse().ok()?).min(REQUEST_TIME))
}

/// The names of the live version's functions; the platform and LeanCloud's console read it.
fn metadatas(engine: &Engine, caller: &KnownCaller<'_>) -> Reply {
    if caller.access != Access::Master {
        return unauthorized();
    }
    let definitions = engine.definitions(&caller.app.id, caller.credentials.environment());
    let names: Vec<&str> = definitions.iter().map(|definition| definition.name.as_str()).collect();
    json_response(200, json!({"result": names}).to_string())
}

/// Hooks of storage classes and users: protected like hooks, and never defined, because hookd has no storage.
fn class_hook(caller: &KnownCaller<'_>, class: &str, hook: &str) -> Reply {
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

pub(super) fn unauthorized() -> Reply {
    failure(401, 401, "Unauthorized.")
}

impl KnownCaller<'_> {
    fn from(&self) -> String {
        self.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string())
    }
}
