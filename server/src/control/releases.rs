//! Releases of an app: deploy, publish, roll back, list.

use std::error::Error;

use api_types::control::{
    CheckedVersion, DeployEvent, DeployQuery, PastRelease, Release, ReleasesQuery, RollbackTo, Version, VersionFunction,
};
use api_types::rfc3339;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use hookd_runtime::{DeployError, Deployment, Environment, ReleaseError};
use tokio::sync::mpsc;

use super::attribution::By;
use super::input::{JsonBody, Named, Parameters};
use super::shown_release::{shown, shown_past};
use super::upload::NO_ROOM;
use super::{ApiError, Authorized, Control, DISK_FULL, app_deleted, env, internal, keep_alive, to_the_end};
use crate::error::{BoxError, with_causes};
use crate::process::disk;

/// Most releases in one answer.
const MAX_RELEASES: u32 = 1_000;

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
            let _ = stages.try_send(DeployEvent::Stage { stage: stage.to_string() });
        };
        let deploying = async {
            let Some(turn) = control.uploads.turn(upload).await? else { return Ok(None) };
            let module = turn.module.clone();
            let deployment = Deployment { app_id: app.id.clone(), environment, isolation, module, by };
            Ok::<_, BoxError>(Some(control.engine.deploy(deployment, &report).await))
        };
        let last = match deploying.await {
            Ok(Some(Ok(release))) => DeployEvent::Released { release: shown(&release) },
            Ok(Some(Err(DeployError::Refused(refusal)))) => DeployEvent::Refused { error: refusal.to_string() },
            Ok(Some(Err(DeployError::UnknownApp(app)))) => DeployEvent::Failed { error: app_deleted(&app) },
            Ok(Some(Err(error))) => failed(&error),
            Ok(None) => DeployEvent::Failed { error: NO_ROOM.to_owned() },
            Err(error) => failed(error.as_ref()),
        };
        control.feed.settled().await;
        // The caller may be gone; the release is what it is.
        let _ = events.send(last).await;
    });
    let lines = stream::unfold(lines, async |mut lines: mpsc::Receiver<DeployEvent>| {
        let text = match tokio::time::timeout(keep_alive::EVERY, lines.recv()).await {
            Ok(event) => serde_json::to_string(&event?).map(|event| event + "\n"),
            Err(_) => Ok(keep_alive::BLANK.to_owned()),
        };
        Some((text, lines))
    });
    Ok((keep_alive::headers(), Body::from_stream(lines)).into_response())
}

/// The last event of a deployment that the server could not carry out.
fn failed(error: &(dyn Error + 'static)) -> DeployEvent {
    tracing::error!(error = with_causes(error), "a deployment failed");
    let text = if disk::is_full(error) { DISK_FULL } else { "internal error; the server's log tells more" };
    DeployEvent::Failed { error: text.to_owned() }
}

pub(super) async fn publish(
    State(control): State<Control>,
    Authorized(app): Authorized,
    By(by): By,
) -> Result<Json<Release>, ApiError> {
    let publishing = async move { control.engine.publish(&app.id, by).await };
    let release = to_the_end(publishing).await?.map_err(refused)?;
    Ok(Json(shown(&release)))
}

pub(super) async fn rollback(
    State(control): State<Control>,
    Authorized(app): Authorized,
    By(by): By,
    JsonBody(to): JsonBody<RollbackTo>,
) -> Result<Json<Release>, ApiError> {
    let going_back = async move { control.engine.rollback(&app.id, to.version, by).await };
    let release = to_the_end(going_back).await?.map_err(refused)?;
    Ok(Json(shown(&release)))
}

pub(super) async fn list(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Parameters(query): Parameters<ReleasesQuery>,
) -> Result<Json<Vec<PastRelease>>, ApiError> {
    let limit = query.limit.unwrap_or(MAX_RELEASES).min(MAX_RELEASES);
    let releases = control.engine.releases(&app.id, limit).await.map_err(refused)?;
    Ok(Json(releases.iter().map(shown_past).collect()))
}

pub(super) async fn show_version(
    State(control): State<Control>,
    Authorized(app): Authorized,
    Named((_, number)): Named<(String, u64)>,
) -> Result<Json<Version>, ApiError> {
    let version = control.engine.version(&app.id, number).await.map_err(refused)?;
    let functions =
        version.definitions.into_iter().map(|one| VersionFunction { name: one.name, internal: one.internal });
    Ok(Json(Version {
        app_id: app.id.clone(),
        version: version.number,
        module: version.module,
        size_bytes: version.size_bytes,
        isolation: version.isolation,
        created_at: rfc3339::millis(version.created_at),
        functions: functions.collect(),
        variables: env::shown(&version.variables),
        releases: version.releases.iter().map(shown_past).collect(),
    }))
}

/// A module that an older hookd stored may be none that this one can call.
pub(super) async fn check(State(control): State<Control>, Authorized(app): Authorized) -> Json<Vec<CheckedVersion>> {
    let mut checked = Vec::new();
    for environment in [Environment::Production, Environment::Staging] {
        if let Some(version) = control.engine.live_version(&app.id, environment) {
            let problem = control.engine.live_problem(&app.id, environment).await;
            checked.push(CheckedVersion { environment, version, problem });
        }
    }
    Json(checked)
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
