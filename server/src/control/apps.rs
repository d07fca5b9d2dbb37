//! Apps of the installation: create, list, rotate a key, delete. With the admin key, not with that of an app.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use api_types::control::{AppKeys, AppSummary, DeletedApp, NewApp};
use api_types::{Connection, ConnectionFile, headers};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use hookd_runtime::{App, ChangeAppError, CreateAppError, GivenKeys, KeyKind, keys_equal};
use tokio::sync::Mutex;

use super::input::{JsonBody, Named};
use super::{ApiError, Authorized, Control, internal, is_known_now, summary, to_the_end};
use crate::error::Step as _;

/// The state that concerns all apps.
pub struct Installation {
    admin_key: String,
    data_folder: PathBuf,
    /// As it was left for client commands. Held while apps go and keys change, so that the file keeps naming an app that
    /// exists.
    connection: Mutex<Connection>,
    file: ConnectionFile,
}

impl Installation {
    /// With what this process left for client commands, and where.
    pub fn new(connection: Connection, file: ConnectionFile) -> Self {
        Self {
            admin_key: connection.admin_key.clone(),
            data_folder: connection.data.clone(),
            connection: Mutex::new(connection),
            file,
        }
    }

    pub(super) fn admin_key(&self) -> &str {
        &self.admin_key
    }

    pub(super) fn data_folder(&self) -> &Path {
        &self.data_folder
    }
}

/// A caller with the admin key.
pub(super) struct Admin;

impl FromRequestParts<Control> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, ApiError> {
        match is_admin(&parts.headers, &control.installation.admin_key) {
            true => {
                is_known_now(parts);
                Ok(Self)
            }
            false => Err(ApiError::Unauthorized),
        }
    }
}

/// True for a request with the admin key. A metrics scraper can send a bearer token, but seldom hookd's own header.
pub(crate) fn is_admin(headers: &HeaderMap, admin_key: &str) -> bool {
    let header = |name| headers.get(name)?.to_str().ok();
    let bearer = || header(AUTHORIZATION.as_str())?.strip_prefix("Bearer ");
    header(headers::ADMIN_KEY).or_else(bearer).is_some_and(|key| keys_equal(admin_key, key))
}

pub(super) async fn list(State(control): State<Control>, _: Admin) -> Json<Vec<AppSummary>> {
    Json(control.engine.apps().iter().map(|app| summary(&control, app)).collect())
}

pub(super) async fn create(
    State(control): State<Control>,
    _: Admin,
    JsonBody(new): JsonBody<NewApp>,
) -> Result<(StatusCode, Json<AppKeys>), ApiError> {
    let keys = GivenKeys { app_key: new.app_key, master_key: new.master_key, hook_key: new.hook_key };
    let app = hookd_runtime::NewApp { id: new.id, keys, profile: new.profile };
    let creating = async move { control.engine.create_app(app).await };
    let app = to_the_end(creating).await?.map_err(|error| match error {
        CreateAppError::Metadata(error) => internal(error),
        refused => ApiError::BadRequest(refused.to_string()),
    })?;
    Ok((StatusCode::CREATED, Json(with_keys(&app))))
}

/// The owner may do this with the master key; without it, the admin key is needed.
pub(super) async fn rotate_key(
    State(control): State<Control>,
    admin: Result<Admin, ApiError>,
    owner: Result<Authorized, ApiError>,
    named: Result<Named<(String, String)>, ApiError>,
) -> Result<Json<AppKeys>, ApiError> {
    if admin.is_err() {
        owner?;
    }
    let Named((id, kind)) = named?;
    let kind: KeyKind = kind.parse().map_err(|unknown| ApiError::BadRequest(format!("{unknown}")))?;
    let rotating = async move {
        let mut connection = control.installation.connection.lock().await;
        let app = control.engine.rotate_key(&id, kind).await.map_err(changed)?;
        if connection.app_id == app.id {
            name_app(&mut connection, control.installation.file, &app).await?;
        }
        Ok(Json(with_keys(&app)))
    };
    to_the_end(rotating).await?
}

pub(super) async fn delete(
    State(control): State<Control>,
    _: Admin,
    Named(id): Named<String>,
) -> Result<Json<DeletedApp>, ApiError> {
    to_the_end(async move { delete_app(&control, &id).await }).await?
}

async fn delete_app(control: &Control, id: &str) -> Result<Json<DeletedApp>, ApiError> {
    let mut connection = control.installation.connection.lock().await;
    let apps = control.engine.apps();
    let Some(other) = apps.iter().find(|app| app.id != id) else {
        return Err(ApiError::BadRequest(format!(
            "`{id}` cannot be deleted: it is the only app; create another one first"
        )));
    };
    control.engine.delete_app(id).await.map_err(changed)?;
    if connection.app_id == id {
        name_app(&mut connection, control.installation.file, other).await?;
    }
    Ok(Json(DeletedApp { deleted: id.to_owned() }))
}

async fn name_app(connection: &mut Connection, file: ConnectionFile, app: &Arc<App>) -> Result<(), ApiError> {
    *connection = Connection {
        app_id: app.id.clone(),
        app_key: app.app_key.clone(),
        master_key: app.master_key.clone(),
        hook_key: app.hook_key.clone(),
        ..connection.clone()
    };
    let saved = connection.clone();
    let saving = tokio::task::spawn_blocking(move || saved.save(file));
    let saved = saving.await.map_err(internal)?;
    saved.step(|| "cannot save the change for client commands".to_owned()).map_err(internal)
}

fn with_keys(app: &App) -> AppKeys {
    AppKeys {
        app_id: app.id.clone(),
        app_key: app.app_key.clone(),
        master_key: app.master_key.clone(),
        hook_key: app.hook_key.clone(),
    }
}

fn changed(error: ChangeAppError) -> ApiError {
    match error {
        unknown @ ChangeAppError::UnknownApp(_) => ApiError::BadRequest(unknown.to_string()),
        ChangeAppError::Metadata(error) => internal(error),
    }
}
