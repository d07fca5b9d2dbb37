//! Apps that their engine has lost: the IM core deletes what it keeps of them on the operator's word alone.

use api_types::control::{AppSummary, DeletedApp};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use hookd_im_core::ids::AppId;

use super::super::input::Named;
use super::super::{ApiError, AppPath, internal, is_admin, to_the_end};
use super::ImControl;

/// An engine that cannot be asked now may have the app, and so may one that has just come back with it.
pub(super) async fn delete(
    State(control): State<ImControl>,
    named: Result<Named<AppPath>, ApiError>,
    headers: HeaderMap,
) -> Result<Json<DeletedApp>, Response> {
    if !is_admin(&headers, &control.admin_key) {
        return Err(ApiError::Unauthorized.into_response());
    }
    let Named(AppPath { app: id }) = named.map_err(ApiError::into_response)?;
    let deleting = async move {
        let apps: Vec<_> =
            control.ask(Method::GET, Uri::from_static("/hookd/v1/apps"), &headers, Body::empty()).await?;
        if control.is_among(&id, &apps) {
            let text = format!("the engine has the app `{id}`: it is not lost, delete it without `--lost`");
            return Err(ApiError::BadRequest(text).into_response());
        }
        let forgotten = control.core.forget_app(&AppId::new(&id)).await;
        forgotten.map_err(|error| internal(error).into_response())?;
        // The id stays known: another app with it would find the messages of this one.
        Ok(Json(DeletedApp { deleted: id }))
    };
    to_the_end(deleting).await.map_err(ApiError::into_response)?
}

impl ImControl {
    /// True when the app is among those that the engine lists, and is not another installation's app of the same id.
    fn is_among(&self, id: &str, apps: &[AppSummary]) -> bool {
        apps.iter()
            .filter(|app| app.app_id == id)
            .any(|app| !app.created_at_ms.is_some_and(|created_at_ms| self.directory.knows_another(id, created_at_ms)))
    }
}

/// The answer to an app's deletion when the engine does not know an app that was here once.
pub(super) fn is_lost(id: &str) -> Response {
    let text = format!(
        "the engine does not have the app `{id}` any more: is its data folder the right one, and the newest? `hookd apps delete \
         {id} --lost` deletes what the IM core keeps of the app"
    );
    ApiError::BadRequest(text).into_response()
}
