//! The control API behind the command line: `/hookd/v1/apps/{app}/…` with the app's master key, and what concerns the
//! apps of the installation with its admin key. This is the engine's part; [`im`] stands before it, in the same process or
//! in another, and adds what the IM core knows.
//!
//! | call | answer |
//! |---|---|
//! | `GET /hookd/v1` | all calls, with the key that each needs; without a key |
//! | `GET /` | keys and live versions; from [`im`] also the circuit breakers of production's hooks |
//! | `GET /breakers` | the circuit breakers of production's hooks, also while the engine is dead |
//! | `GET /check` | of each environment the live version, and why it cannot be called if it cannot; asks the modules |
//! | `GET`, `PATCH /settings` | the limits, and from [`im`] the settings of the IM core; a patch changes what it names; `null` takes an entry out of a map. With the admin key besides, `engine_url` may be any address, and `max_limits` change |
//! | `GET`, `PATCH /env` | environment variables; body of a patch: `{"set": {NAME: {"value": …, "secret": …}}, "unset": [NAME]}` |
//! | `GET /env/seen?environment=…&keys=…` | what functions read, the platform's variables included; the app's keys if asked for |
//! | `POST /deployments?environment=…` | body: a module; answer: one JSON event a line |
//! | `POST /publish` | the release |
//! | `POST /rollback` | the release; body: `{"version": N}`, or without it the version that was live before |
//! | `GET /releases?limit=…` | the newest releases |
//! | `GET /versions/{number}` | all that is recorded about a version |
//! | `GET /logs?limit=…&function=…&request_id=…&environment=…&level=…&since=…&until=…&follow=…` | one JSON event a line |
//! | `GET /stats` | calls, durations and queue of the app's functions; `GET /hookd/v1/stats` of all apps, admin key |
//! | `POST /cache` | replies; body: `{"commands": [["GET", "key"]]}`; bytes that are not text are `{"base64": "…"}` |
//! | `GET /dead-letters?limit=…&hook=…&params=true` | the newest calls of notification hooks that were given up |
//! | `POST /dead-letters/retry`, `/dead-letters/drop` | how many; body: `{"ids": […]}`, or `{"all": true}` with or without `"hook"` |
//! | `GET /bans?limit=…&after=CLIENT` | clients that may not log in, by their ids |
//! | `POST /bans` | the ban; body: `{"client": "…", "seconds": …}`, without `seconds` for ever |
//! | `DELETE /bans?client=…` | whether the client was banned |
//! | `POST /keys/app`, `master` or `hook` | all keys, one of them new; admin key or master key |
//! | `DELETE /` | admin key |
//! | `GET`, `POST /hookd/v1/apps` | all apps; a new app. Admin key |
//! | `DELETE /hookd/v1/lost-apps/{app}` | deletes what [`im`] keeps of an app that the engine does not have any more. Admin key |
//! | `GET /hookd/v1/directory` | what an IM core in another process must know, by long polling. Admin key |
//!
//! A refusal is `{"code": STATUS, "error": TEXT}`, also of a call that there is not. Bodies other than modules are JSON, and
//! have the content type `application/json`.
//!
//! An answer of single lines has blanks between them when there is nothing to say; `X-Hookd-Keep-Alive` says how many seconds
//! apart at most.
//!
//! Calls that release take `author` and `message` in the query.

mod apps;
mod attribution;
mod cache;
mod changes;
mod directory;
mod engine_settings;
mod env;
pub mod im;
mod input;
mod keep_alive;
mod logs;
mod merge;
mod releases;
mod routes;
mod settings;
mod shown_release;
mod stats;
mod unread_body;
mod upload;

use std::sync::Arc;

use api_types::control::{AppSummary, LiveVersion, Refusal};
use axum::extract::{FromRef, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use axum::{Json, Router};
use hookd_runtime::{App, Engine, Environment};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

pub use self::apps::Installation;
pub(super) use self::apps::is_admin;
use self::changes::Changes;
use self::input::ControlBodies;
use self::routes::{Key, Routes};
use self::unread_body::read_to_its_end;
use self::upload::Uploads;
use crate::directory::Feed;
use crate::error::{BoxError, with_causes};
use crate::http::Place;
use crate::process::disk;

#[derive(Clone)]
struct Control {
    engine: Engine,
    installation: Arc<Installation>,
    feed: Arc<Feed>,
    uploads: Uploads,
    bodies: ControlBodies,
    changes: Changes,
    shutdown: CancellationToken,
}

impl FromRef<Control> for ControlBodies {
    fn from_ref(control: &Control) -> Self {
        control.bodies.clone()
    }
}

/// The routes of the engine. A change is answered once the IM cores that follow have applied it.
pub fn router(engine: Engine, installation: Installation, shutdown: CancellationToken) -> Router {
    let feed = Arc::new(Feed::new(engine.clone(), shutdown.clone()));
    let uploads = Uploads::new(installation.data_folder().to_owned());
    let (bodies, changes) = (ControlBodies::default(), Changes::default());
    let control = Control { engine, installation: installation.into(), feed, uploads, bodies, changes, shutdown };
    Routes::default()
        .route(Method::GET, "/hookd/v1/apps", Key::Admin, get(apps::list))
        .route(Method::POST, "/hookd/v1/apps", Key::Admin, post(apps::create))
        .route(Method::GET, "/hookd/v1/apps/{app}", Key::Master, get(show_app))
        .route(Method::DELETE, "/hookd/v1/apps/{app}", Key::Admin, delete(apps::delete))
        .route(Method::POST, "/hookd/v1/apps/{app}/keys/{key}", Key::MasterOrAdmin, post(apps::rotate_key))
        .route(Method::GET, "/hookd/v1/apps/{app}/logs", Key::Master, get(logs::read))
        .route(Method::GET, "/hookd/v1/apps/{app}/stats", Key::Master, get(stats::of_app))
        .route(Method::GET, "/hookd/v1/stats", Key::Admin, get(stats::of_all))
        .route(Method::GET, "/hookd/v1/apps/{app}/settings", Key::Master, get(settings::show))
        .route(Method::PATCH, "/hookd/v1/apps/{app}/settings", Key::Master, patch(settings::change))
        .route(Method::GET, "/hookd/v1/apps/{app}/env", Key::Master, get(env::list))
        .route(Method::GET, "/hookd/v1/apps/{app}/env/seen", Key::Master, get(env::seen))
        .route(Method::PATCH, "/hookd/v1/apps/{app}/env", Key::Master, patch(env::change))
        .route(Method::POST, "/hookd/v1/apps/{app}/deployments", Key::Master, post(releases::deploy))
        .route(Method::POST, "/hookd/v1/apps/{app}/publish", Key::Master, post(releases::publish))
        .route(Method::POST, "/hookd/v1/apps/{app}/rollback", Key::Master, post(releases::rollback))
        .route(Method::GET, "/hookd/v1/apps/{app}/check", Key::Master, get(releases::check))
        .route(Method::GET, "/hookd/v1/apps/{app}/releases", Key::Master, get(releases::list))
        .route(Method::GET, "/hookd/v1/apps/{app}/versions/{number}", Key::Master, get(releases::show_version))
        .route(Method::POST, "/hookd/v1/apps/{app}/cache", Key::Master, post(cache::run))
        .layered(|router| router.layer(from_fn_with_state(control.clone(), settle)).layer(from_fn(read_to_its_end)))
        .route(Method::GET, directory::PATH, Key::Admin, get(directory::poll))
        .finish()
        .with_state(control)
}

/// Holds the answer to a change back until the IM cores that follow have applied it.
async fn settle(State(control): State<Control>, request: Request, next: Next) -> Response {
    let changes = !request.method().is_safe();
    let response = next.run(request).await;
    if changes && response.status().is_success() {
        control.feed.settled().await;
    }
    response
}

/// An app whose master key the caller showed.
struct Authorized(Arc<App>);

impl FromRequestParts<Control> for Authorized {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, ApiError> {
        let Path(path): Path<AppPath> =
            Path::from_request_parts(parts, control).await.map_err(|_| ApiError::Unauthorized)?;
        let key = master_key(&parts.headers).ok_or(ApiError::Unauthorized)?;
        let app = control.engine.app(&path.app).ok_or(ApiError::Unauthorized)?;
        if !app.is_master_key(key) {
            return Err(ApiError::Unauthorized);
        }
        is_known_now(parts);
        Ok(Self(app))
    }
}

/// A connection becomes a known one when one of its requests has the right keys.
fn is_known_now(parts: &Parts) {
    if let Some(place) = parts.extensions.get::<Place>() {
        place.is_known_now();
    }
}

#[derive(Deserialize)]
struct AppPath {
    app: String,
}

fn master_key(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-lc-key")?.to_str().ok()?.strip_suffix(",master")
}

/// The error that a caller with the key sees.
const DISK_FULL: &str = "the disk of the server is full, and nothing was changed; free some space there";

pub enum ApiError {
    Unauthorized,
    BadRequest(String),
    UnknownCall(String),
    /// The app was deleted after the caller's key was checked.
    AppDeleted(String),
    WrongMethod(String),
    /// Of the bytes that a body may have.
    TooLarge(usize),
    /// Of a body that did not come in its time.
    BodyTimedOut,
    /// Of a body that does not claim to be JSON.
    WrongType,
    Unavailable(String),
    Internal(BoxError),
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized.".to_owned()),
            Self::BadRequest(text) => (StatusCode::BAD_REQUEST, text),
            Self::UnknownCall(text) => (StatusCode::NOT_FOUND, text),
            Self::AppDeleted(app) => (StatusCode::NOT_FOUND, app_deleted(&app)),
            Self::WrongMethod(text) => (StatusCode::METHOD_NOT_ALLOWED, text),
            Self::TooLarge(limit) => {
                (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than the limit of {limit} bytes"))
            }
            Self::BodyTimedOut => {
                (StatusCode::REQUEST_TIMEOUT, "the body did not come in the time that there is for it".to_owned())
            }
            Self::WrongType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must say that it is JSON; send it with `Content-Type: application/json`".to_owned(),
            ),
            Self::Unavailable(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
            Self::Internal(error) if disk::is_full(error.as_ref()) => {
                tracing::error!(error = with_causes(error.as_ref()), "no room on the disk of the data folder");
                (StatusCode::INSUFFICIENT_STORAGE, DISK_FULL.to_owned())
            }
            Self::Internal(error) => {
                tracing::error!(error = with_causes(error.as_ref()), "a control request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal error; the server's log tells more".to_owned())
            }
        };
        (status, Json(Refusal { code: status.as_u16(), error: text })).into_response()
    }
}

fn app_deleted(app: &str) -> String {
    format!("the app `{app}` was deleted meanwhile; nothing was changed")
}

async fn show_app(State(control): State<Control>, Authorized(app): Authorized) -> Json<AppSummary> {
    Json(AppSummary { hook_key: Some(app.hook_key.clone()), ..summary(&control, &app) })
}

/// The fields of an app that every caller with access to it may see.
fn summary(control: &Control, app: &App) -> AppSummary {
    let live = |environment| {
        let version = control.engine.live_version(&app.id, environment)?;
        let functions = control.engine.definitions(&app.id, environment);
        let functions = functions.into_iter().map(|definition| definition.name).collect();
        Some(LiveVersion { version, functions })
    };
    AppSummary {
        app_id: app.id.clone(),
        app_key: app.app_key.clone(),
        created_at_ms: Some(app.created_at_ms),
        production: live(Environment::Production),
        staging: live(Environment::Staging),
        hook_key: None,
        breakers: None,
    }
}

/// Carries a change out to its end, whether or not the caller still listens: a handler is dropped when its connection
/// breaks, and the database would then know of a change that memory does not.
async fn to_the_end<T: Send + 'static>(change: impl Future<Output = T> + Send + 'static) -> Result<T, ApiError> {
    tokio::spawn(change).await.map_err(internal)
}

fn internal(error: impl Into<BoxError>) -> ApiError {
    ApiError::Internal(error.into())
}
