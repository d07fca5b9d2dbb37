//! The part of the IM core in the control API. It stands before the engine's part, passes everything on that is not its
//! own, and answers for its own settings also while the engine is dead.

mod bans;
mod dead_letters;
mod engine_url;
mod hook_deadlines;
mod lost_apps;
mod push_gateway;
mod service_conversations;
mod settings;
mod undo;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api_types::control::{AppSummary, Breaker, BreakerState, DeletedApp};
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRef, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hookd_im_core::app::App;
use hookd_im_core::core::ImCore;
use hookd_im_core::hooks::{self, BreakerReport};
use hookd_im_core::ids::AppId;
use hookd_im_core::presence::SessionLifecycle;
use hookd_runtime::keys_equal;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};
use serde_json::{Map, Value};
use tower::ServiceExt as _;

use super::changes::Changes;
use super::input::{ControlBodies, Named};
use super::routes::{self, Key, Routes, wrong_method};
use super::unread_body::read_to_its_end;
use super::{ApiError, AppPath, internal, is_known_now, master_key, to_the_end};
use crate::directory::Directory;
use crate::error::BoxError;
use crate::http::Place;
use crate::remote_engine::AddressCheck;

/// How long a request waits for the engine's answer when it can also go on without it.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Answers of the engine's part that are looked into: settings and lists of apps.
const MAX_ANSWER_BYTES: usize = 64 << 20;

const SERVICES: &str = "/hookd/v1/apps/{app}/service-conversations";
const SERVICE_MESSAGES: &str = "/hookd/v1/apps/{app}/service-conversations/{service}/messages";
const SUBSCRIBERS: &str = "/hookd/v1/apps/{app}/service-conversations/{service}/subscribers";

#[derive(Clone)]
struct ImControl {
    core: Arc<ImCore>,
    lifecycle: Arc<SessionLifecycle>,
    /// The engine's part, in memory or through its RPC.
    engine: Router,
    /// The calls that are the IM core's alone.
    list_of_own: Value,
    bodies: ControlBodies,
    changes: Changes,
    admin_key: Arc<str>,
    directory: Arc<Directory>,
    /// Where owners of apps may say that their engine is.
    addresses: Arc<dyn AddressCheck>,
}

impl FromRef<ImControl> for ControlBodies {
    fn from_ref(control: &ImControl) -> Self {
        control.bodies.clone()
    }
}

/// The whole control API, with the engine's part behind it.
pub fn router(
    (core, lifecycle, directory): (Arc<ImCore>, Arc<SessionLifecycle>, Arc<Directory>),
    engine: Router,
    admin_key: &str,
    addresses: Arc<dyn AddressCheck>,
) -> Router {
    let passed_on = engine.clone().map_request(anew);
    let (own, list_of_own) = Routes::default()
        .route(Method::GET, "/hookd/v1/apps/{app}/breakers", Key::Master, get(breakers))
        .route(Method::GET, "/hookd/v1/apps/{app}/dead-letters", Key::Master, get(dead_letters::list))
        .route(Method::POST, "/hookd/v1/apps/{app}/dead-letters/retry", Key::Master, post(dead_letters::retry))
        .route(Method::POST, "/hookd/v1/apps/{app}/dead-letters/drop", Key::Master, post(dead_letters::drop))
        .route(Method::GET, SERVICES, Key::Master, get(service_conversations::list))
        .route(Method::POST, SERVICES, Key::Master, post(service_conversations::create))
        .route(Method::GET, SUBSCRIBERS, Key::Master, get(service_conversations::subscribers))
        .route(Method::POST, SERVICE_MESSAGES, Key::Master, post(service_conversations::send))
        .route(Method::GET, "/hookd/v1/apps/{app}/bans", Key::Master, get(bans::list))
        .route(Method::POST, "/hookd/v1/apps/{app}/bans", Key::Master, post(bans::ban))
        .route(Method::DELETE, "/hookd/v1/apps/{app}/bans", Key::Master, axum::routing::delete(bans::unban))
        .route(Method::DELETE, "/hookd/v1/lost-apps/{app}", Key::Admin, axum::routing::delete(lost_apps::delete))
        .parts();
    // Additions to the engine's answers are already in the engine's list.
    let with_additions = Router::new()
        .route("/hookd/v1/apps", get(list).fallback_service(passed_on.clone()))
        .route("/hookd/v1/apps/{app}", get(show).delete(delete).fallback_service(passed_on.clone()))
        .route("/hookd/v1/apps/{app}/settings", get(settings::show).patch(settings::change));
    own.merge(with_additions)
        .layer(from_fn(read_to_its_end))
        .route(routes::PATH, get(calls))
        .method_not_allowed_fallback(wrong_method)
        .route_service("/hookd/v1/", passed_on.clone())
        .route_service("/hookd/v1/{*rest}", passed_on)
        .with_state(ImControl {
            core,
            lifecycle,
            engine,
            list_of_own,
            bodies: ControlBodies::default(),
            changes: Changes::default(),
            admin_key: admin_key.into(),
            directory,
            addresses,
        })
}

/// All control calls with the keys that they need.
async fn calls(State(control): State<ImControl>, uri: Uri, headers: HeaderMap) -> Result<Json<Value>, Response> {
    let mut all: Value = control.ask(Method::GET, uri, &headers, Body::empty()).await?;
    if let (Value::Array(all), Value::Array(own)) = (&mut all, control.list_of_own) {
        all.extend(own);
    }
    Ok(Json(all))
}

/// A request that no router has looked at: what one found in the path would be found there again, and be there twice.
fn anew(mut request: Request) -> Request {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().copied();
    let place = request.extensions_mut().remove::<Place>();
    request.extensions_mut().clear();
    if let Some(place) = place {
        request.extensions_mut().insert(place);
    }
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
    request
}

impl ImControl {
    /// The answer of the engine's part; an error is passed to the caller unchanged.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        uri: Uri,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<T, Response> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers.clone();
        // Of the body that came, not of the one that goes on.
        request.headers_mut().remove(header::CONTENT_LENGTH);
        let Ok(response) = self.engine.clone().oneshot(request).await;
        if !response.status().is_success() {
            return Err(response);
        }
        let read = axum::body::to_bytes(response.into_body(), MAX_ANSWER_BYTES).await;
        let unreadable = |error: BoxError| internal(error).into_response();
        let bytes = read.map_err(|error| unreadable(error.into()))?;
        serde_json::from_slice(&bytes).map_err(|error| unreadable(error.into()))
    }

    /// The engine's answer for a caller that can also go on without it. A slow engine counts as away.
    async fn ask_briefly(&self, uri: Uri, headers: &HeaderMap) -> Result<Value, Response> {
        let asking = self.ask(Method::GET, uri, headers, Body::empty());
        let late = |_| {
            let milliseconds = PATIENCE.as_millis();
            let text = format!("the engine does not answer: nothing came from it within {milliseconds} ms");
            ApiError::Unavailable(text).into_response()
        };
        tokio::time::timeout(PATIENCE, asking).await.map_err(late)?
    }

    /// The engine's fields of an app pass as they came, and the IM core adds its own.
    fn with_breakers(&self, engines: Map<String, Value>) -> serde_json::Result<WithBreakers> {
        let app = AppSummary::deserialize(&engines)?;
        let known = self.core.apps.app(&AppId::new(&app.app_id));
        let breakers = known.map(|app| self.core.hooks.breakers(&app)).unwrap_or_default();
        Ok(WithBreakers { engines, breakers: breakers.iter().map(shown).collect() })
    }
}

/// An [`AppSummary`] with all its fields, those of an engine of another version too.
#[derive(Serialize)]
struct WithBreakers {
    #[serde(flatten)]
    engines: Map<String, Value>,
    breakers: Vec<Breaker>,
}

fn shown(breaker: &BreakerReport) -> Breaker {
    Breaker {
        hook: breaker.hook.to_owned(),
        state: match breaker.state {
            hooks::BreakerState::Closed => BreakerState::Closed,
            hooks::BreakerState::HalfOpen => BreakerState::HalfOpen,
            hooks::BreakerState::Open => BreakerState::Open,
        },
        failures_in_a_row: breaker.failures_in_a_row,
        last_cause: breaker.last_cause.map(str::to_owned),
        open_for_ms: breaker.open_for_ms,
        next_try_ms: breaker.next_try_ms,
    }
}

/// An app whose master key the caller sent; does not ask the engine.
struct Owner(Arc<App>);

impl FromRequestParts<ImControl> for Owner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, control: &ImControl) -> Result<Self, ApiError> {
        let Path(path): Path<AppPath> =
            Path::from_request_parts(parts, control).await.map_err(|_| ApiError::Unauthorized)?;
        let key = master_key(&parts.headers).ok_or(ApiError::Unauthorized)?;
        let app = control.core.apps.app(&AppId::new(&path.app)).ok_or(ApiError::Unauthorized)?;
        if !keys_equal(&app.master_key, key) {
            return Err(ApiError::Unauthorized);
        }
        is_known_now(parts);
        Ok(Self(app))
    }
}

/// Does not ask the engine: operators need breakers most while the engine is down.
async fn breakers(State(control): State<ImControl>, Owner(app): Owner) -> Json<Vec<Breaker>> {
    Json(control.core.hooks.breakers(&app).iter().map(shown).collect())
}

async fn list(
    State(control): State<ImControl>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Vec<WithBreakers>>, Response> {
    let apps: Vec<_> = control.ask(Method::GET, uri, &headers, Body::empty()).await?;
    let apps: serde_json::Result<_> = apps.into_iter().map(|app| control.with_breakers(app)).collect();
    apps.map(Json).map_err(|error| internal(error).into_response())
}

async fn show(State(control): State<ImControl>, uri: Uri, headers: HeaderMap) -> Result<Json<WithBreakers>, Response> {
    let app = control.ask(Method::GET, uri, &headers, Body::empty()).await?;
    control.with_breakers(app).map(Json).map_err(|error| internal(error).into_response())
}

/// The IM core's data of the app are deleted too.
async fn delete(
    State(control): State<ImControl>,
    named: Result<Named<AppPath>, ApiError>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<DeletedApp>, Response> {
    // The app does not exist, and so has no key.
    let Named(path) = named.map_err(|_| ApiError::Unauthorized.into_response())?;
    let deleting = async move {
        let id = AppId::new(&path.app);
        // Else it is another installation's app of the same id, whose deletion concerns nothing here.
        let is_served = control.core.apps.app(&id).is_some();
        let deleted = match control.ask(Method::DELETE, uri, &headers, Body::empty()).await {
            Ok(deleted) => deleted,
            Err(refusal) if refusal.status() == StatusCode::BAD_REQUEST && control.directory.is_missing(&path.app) => {
                return Err(lost_apps::is_lost(&path.app));
            }
            Err(refusal) => return Err(refusal),
        };
        if is_served {
            // Data that cannot be deleted now are deleted later: the engine remembers the deletion.
            let _ = control.core.forget_app(&id).await;
        }
        Ok(Json(deleted))
    };
    to_the_end(deleting).await.map_err(|error| error.into_response())?
}

/// True when the engine did not answer, and not when it refused.
fn is_unreachable(answer: &Response) -> bool {
    answer.status() == StatusCode::SERVICE_UNAVAILABLE
}
