//! The control API behind the command line: `/hookd/v1/apps/{app}/…`, master key only.
//!
//! | call | answer |
//! |---|---|
//! | `GET /` | keys, live versions, and the circuit breakers of production's hooks |
//! | `GET`, `PATCH /settings` | all settings; a patch changes what it names; `null` takes an entry out of a map |
//! | `POST /deployments?environment=…` | body: a module; answer: one JSON event a line |
//! | `POST /publish` | the release |

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream;
use hookd_im_core::app::ImSettings;
use hookd_im_core::core::ImCore;
use hookd_im_core::hooks::SettingsError;
use hookd_im_core::ids::AppId;
use hookd_runtime::{App, DeployError, Deployment, Engine, Environment, Release, ReleaseError};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

#[derive(Clone)]
struct Control {
    engine: Engine,
    core: Arc<ImCore>,
}

/// The routes.
pub fn router(engine: Engine, core: Arc<ImCore>) -> Router {
    let upload_limit = engine.max_module_bytes();
    Router::new()
        .route("/hookd/v1/apps/{app}", get(show_app))
        .route("/hookd/v1/apps/{app}/settings", get(show_settings).patch(change_settings))
        .route("/hookd/v1/apps/{app}/deployments", post(deploy).layer(DefaultBodyLimit::max(upload_limit)))
        .route("/hookd/v1/apps/{app}/publish", post(publish))
        .with_state(Control { engine, core })
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
        if app.is_master_key(key) { Ok(Self(app)) } else { Err(ApiError::Unauthorized) }
    }
}

#[derive(Deserialize)]
struct AppPath {
    app: String,
}

fn master_key(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-lc-key")?.to_str().ok()?.strip_suffix(",master")
}

enum ApiError {
    Unauthorized,
    BadRequest(String),
    TooLarge(usize),
    Internal(anyhow::Error),
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized.".to_owned()),
            Self::BadRequest(text) => (StatusCode::BAD_REQUEST, text),
            Self::TooLarge(limit) => {
                (StatusCode::PAYLOAD_TOO_LARGE, format!("the module is larger than the limit of {limit} bytes"))
            }
            Self::Internal(error) => {
                tracing::error!(error = format!("{error:#}"), "a control request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal error; the server's log tells more".to_owned())
            }
        };
        (status, Json(json!({"code": status.as_u16(), "error": text}))).into_response()
    }
}

async fn show_app(State(control): State<Control>, Authorized(app): Authorized) -> Json<Value> {
    let live = |environment| {
        let version = control.engine.live_version(&app.id, environment)?;
        let functions = control.engine.definitions(&app.id, environment);
        let functions: Vec<String> = functions.into_iter().map(|definition| definition.name).collect();
        Some(json!({"version": version, "functions": functions}))
    };
    let breakers = control.core.apps.app(&AppId::new(&app.id)).map(|app| control.core.hooks.breakers(&app));
    Json(json!({
        "app_id": app.id,
        "app_key": app.app_key,
        "hook_key": app.hook_key,
        "production": live(Environment::Production),
        "staging": live(Environment::Staging),
        "breakers": breakers.unwrap_or_default(),
    }))
}

async fn show_settings(
    State(control): State<Control>,
    Authorized(app): Authorized,
) -> Result<Json<ImSettings>, ApiError> {
    let settings = control.core.settings.get(&AppId::new(&app.id)).await.map_err(internal)?;
    Ok(Json(ImSettings::clone(&settings)))
}

async fn change_settings(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Json(changes): Json<Map<String, Value>>,
) -> Result<Json<ImSettings>, ApiError> {
    let app = AppId::new(&app.id);
    let current = control.core.settings.get(&app).await.map_err(internal)?;
    let changed = merge(&current, changes)?;
    match control.core.settings.update(&app, changed).await {
        Ok(settings) => Ok(Json(ImSettings::clone(&settings))),
        Err(SettingsError::Store(error)) => Err(internal(error)),
        Err(refused) => Err(ApiError::BadRequest(refused.to_string())),
    }
}

/// Settings with `changes` applied; maps of single hooks are merged, not replaced, and lose what is `null`.
fn merge(current: &ImSettings, changes: Map<String, Value>) -> Result<ImSettings, ApiError> {
    let mut merged = serde_json::to_value(current).map_err(internal)?;
    for (key, value) in changes {
        match (merged.get_mut(&key), value) {
            (Some(Value::Object(present)), Value::Object(more)) => {
                present.extend(more);
                present.retain(|_, value| !value.is_null());
            }
            (Some(present), value) => *present = value,
            (None, _) => return Err(ApiError::BadRequest(format!("there is no setting `{key}`"))),
        }
    }
    serde_json::from_value(merged).map_err(|error| ApiError::BadRequest(format!("bad settings: {error}")))
}

#[derive(Deserialize)]
struct DeployQuery {
    environment: Environment,
}

async fn deploy(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Query(query): Query<DeployQuery>,
    module: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let module = module.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge(control.engine.max_module_bytes()),
        _ => ApiError::BadRequest(rejection.body_text()),
    })?;
    // More room than a deployment has stages; a caller that does not read loses stages, never the last line.
    let (events, lines) = mpsc::channel(64);
    let deployment = Deployment { app_id: app.id.clone(), environment: query.environment, module };
    // Not tied to the connection: a deployment that has begun ends, whether or not the caller still listens.
    tokio::spawn(async move {
        let stages = events.clone();
        let report = move |stage: hookd_runtime::DeployStage| {
            let _ = stages.try_send(json!({"event": "stage", "stage": stage.to_string()}));
        };
        let last = match control.engine.deploy(deployment, &report).await {
            Ok(release) => json!({"event": "released", "release": release_json(&release)}),
            Err(DeployError::Refused(refusal)) => json!({"event": "refused", "error": refusal.to_string()}),
            Err(error) => {
                tracing::error!(error = format!("{:#}", anyhow::Error::new(error)), "a deployment failed");
                json!({"event": "failed", "error": "internal error; the server's log tells more"})
            }
        };
        // The caller may be gone; the release is what it is.
        let _ = events.send(last).await;
    });
    let lines = stream::unfold(lines, async |mut lines: mpsc::Receiver<Value>| {
        let event = lines.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(format!("{event}\n")), lines))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

async fn publish(State(control): State<Control>, Authorized(app): Authorized) -> Result<Json<Value>, ApiError> {
    match control.engine.publish(&app.id).await {
        Ok(release) => Ok(Json(release_json(&release))),
        Err(ReleaseError::NothingStaged) => {
            Err(ApiError::BadRequest("staging has no version; `hookd deploy` puts one there".to_owned()))
        }
        Err(error) => Err(internal(error)),
    }
}

fn release_json(release: &Release) -> Value {
    json!({
        "app_id": release.app_id,
        "environment": release.environment.to_string(),
        "version": release.version,
        "module": release.module,
        "functions": release.definitions.iter().map(|definition| &definition.name).collect::<Vec<_>>(),
    })
}

fn internal(error: impl Into<anyhow::Error>) -> ApiError {
    ApiError::Internal(error.into())
}
