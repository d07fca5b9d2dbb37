//! Releases of an app: deploy, publish, roll back, list.

use std::error::Error;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use hookd_runtime::{DeployError, Deployment, Environment, Isolation, ReleaseError};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::attribution::By;
use super::input::{JsonBody, Named, Parameters};
use super::release_json::{past_release_json, release_json};
use super::upload::NO_ROOM;
use super::{ApiError, Authorized, Control, DISK_FULL, app_deleted, env, internal, keep_alive, to_the_end};
use crate::error::{BoxError, with_causes};
use crate::process::disk;
use api_types::rfc3339;

/// Most releases in one answer.
const MAX_RELEASES: u32 = 1_000;

#[derive(Deserialize)]
pub(super) struct DeployQuery {
    environment: Environment,
    /// Without it, `per-call`.
    #[serde(default)]
    isolation: Isolation,
}

pub(super) async fn deploy(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Parameters(query): Parameters<DeployQuery>,
    By(by): By,
    body: Body,
) -> Result<Response, ApiError> {
    let upload = control.uploads.receive(&app.id, body, control.engine.max_module_bytes()).await?;
    // More room than a deployment has stages; a caller that does not read loses stages, never the last line.
    let (events, lines) = mpsc::channel(64);
    let DeployQuery { environment, isolation } = query;
    // Not tied to the connection: a deployment that has begun ends, whether or not the caller still listens.
    tokio::spawn(async move {
        let stages = events.clone();
        let report = move |stage: hookd_runtime::DeployStage| {
            let _ = stages.try_send(json!({"event": "stage", "stage": stage.to_string()}));
        };
        let deploying = async {
            let Some(turn) = control.uploads.turn(upload).await? else { return Ok(None) };
            let module = turn.module.clone();
            let deployment = Deployment { app_id: app.id.clone(), environment, isolation, module, by };
            Ok::<_, BoxError>(Some(control.engine.deploy(deployment, &report).await))
        };
        let last = match deploying.await {
            Ok(Some(Ok(release))) => json!({"event": "released", "release": release_json(&release)}),
            Ok(Some(Err(DeployError::Refused(refusal)))) => {
                json!({"event": "refused", "error": refusal.to_string()})
            }
            Ok(Some(Err(DeployError::UnknownApp(app)))) => json!({"event": "failed", "error": app_deleted(&app)}),
            Ok(Some(Err(error))) => failed(&error),
            Ok(None) => json!({"event": "failed", "error": NO_ROOM}),
            Err(error) => failed(error.as_ref()),
        };
        control.feed.settled().await;
        // The caller may be gone; the release is what it is.
        let _ = events.send(last).await;
    });
    let lines = stream::unfold(lines, async |mut lines: mpsc::Receiver<Value>| {
        let text = match tokio::time::timeout(keep_alive::EVERY, lines.recv()).await {
            Ok(event) => format!("{}\n", event?),
            Err(_) => keep_alive::BLANK.to_owned(),
        };
        Some((Ok::<_, std::convert::Infallible>(text), lines))
    });
    Ok((keep_alive::headers(), Body::from_stream(lines)).into_response())
}

/// The last event of a deployment that the server could not carry out.
fn failed(error: &(dyn Error + 'static)) -> Value {
    tracing::error!(error = with_causes(error), "a deployment failed");
    let text = if disk::is_full(error) { DISK_FULL } else { "internal error; the server's log tells more" };
    json!({"event": "failed", "error": text})
}

pub(super) async fn publish(
    State(control): State<Control>,
    Authorized(app): Authorized,
    By(by): By,
) -> Result<Json<Value>, ApiError> {
    let publishing = async move { control.engine.publish(&app.id, by).await };
    let release = to_the_end(publishing).await?.map_err(refused)?;
    Ok(Json(release_json(&release)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RollbackTo {
    version: Option<u64>,
}

pub(super) async fn rollback(
    State(control): State<Control>,
    Authorized(app): Authorized,
    By(by): By,
    JsonBody(to): JsonBody<RollbackTo>,
) -> Result<Json<Value>, ApiError> {
    let going_back = async move { control.engine.rollback(&app.id, to.version, by).await };
    let release = to_the_end(going_back).await?.map_err(refused)?;
    Ok(Json(release_json(&release)))
}

#[derive(Deserialize)]
pub(super) struct ReleasesQuery {
    limit: Option<u32>,
}

pub(super) async fn list(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Parameters(query): Parameters<ReleasesQuery>,
) -> Result<Json<Value>, ApiError> {
    let limit = query.limit.unwrap_or(MAX_RELEASES).min(MAX_RELEASES);
    let releases = control.engine.releases(&app.id, limit).await.map_err(refused)?;
    Ok(Json(releases.iter().map(past_release_json).collect()))
}

pub(super) async fn show_version(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Named((_, number)): Named<(String, u64)>,
) -> Result<Json<Value>, ApiError> {
    let version = control.engine.version(&app.id, number).await.map_err(refused)?;
    let functions = version.definitions.iter().map(|one| json!({"name": one.name, "internal": one.internal}));
    Ok(Json(json!({
        "app_id": app.id,
        "version": version.number,
        "module": version.module,
        "size_bytes": version.size_bytes,
        "isolation": version.isolation,
        "created_at": rfc3339::millis(version.created_at),
        "functions": functions.collect::<Vec<_>>(),
        "variables": env::shown(&version.variables),
        "releases": version.releases.iter().map(past_release_json).collect::<Vec<_>>(),
    })))
}

/// A module that an older hookd stored may be none that this one can call.
pub(super) async fn check(State(control): State<Control>, Authorized(app): Authorized) -> Json<Value> {
    let mut checked = Vec::new();
    for environment in [Environment::Production, Environment::Staging] {
        if let Some(version) = control.engine.live_version(&app.id, environment) {
            let problem = control.engine.live_problem(&app.id, environment).await;
            checked.push(json!({"environment": environment, "version": version, "problem": problem}));
        }
    }
    Json(checked.into())
}

fn refused(error: ReleaseError) -> ApiError {
    match error {
        ReleaseError::NothingStaged => {
            ApiError::BadRequest("staging has no version; `hookd deploy` puts one there".to_owned())
        }
        ReleaseError::NothingToRollBackTo => ApiError::BadRequest(
            "production has had no earlier version; `hookd releases` lists those there are".to_owned(),
        ),
        refused @ (ReleaseError::UnknownVersion { .. } | ReleaseError::Unusable { .. }) => {
            ApiError::BadRequest(refused.to_string())
        }
        ReleaseError::UnknownApp(app) => ApiError::AppDeleted(app),
        ReleaseError::Metadata(error) => internal(error),
    }
}
