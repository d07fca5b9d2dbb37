//! Who may set which engine of an app: the owner of the app a public address, the operator any address.

use axum::http::HeaderMap;
use hookd_im_core::app::ImSettings;
use serde_json::{Map, Value};

use super::super::{ApiError, is_admin};
use super::{ImControl, push_gateway};
use crate::remote_engine::{EngineAddress, check_engine_url};

/// The setting with the address.
const ENGINE_URL: &str = "engine_url";

/// The setting that says whether the operator or the owner of the app set the address. It follows from the keys of the
/// request. It cannot be set and is not shown.
const BY_OPERATOR: &str = "engine_url_by_operator";

/// Notes whether the operator or the owner sets the address, if the change sets one.
///
/// # Errors
/// An address that is not the owner's to name.
pub(super) async fn note_who_names_it(
    control: &ImControl,
    headers: &HeaderMap,
    changes: &Map<String, Value>,
    changed: &mut ImSettings,
) -> Result<(), ApiError> {
    if !changes.contains_key(ENGINE_URL) {
        return Ok(());
    }
    let by_operator = is_admin(headers, &control.admin_key);
    if let Some(url) = &changed.engine_url {
        let checked = match by_operator {
            true => EngineAddress::over_tcp(url).map(drop),
            false => check_engine_url(url, &*control.addresses).await,
        };
        checked.map_err(|error| ApiError::BadRequest(format!("`{ENGINE_URL}`: {error}")))?;
    }
    changed.engine_url_by_operator = by_operator && changed.engine_url.is_some();
    Ok(())
}

/// The settings that people see and change.
pub(super) fn shown(settings: &ImSettings) -> Result<Map<String, Value>, serde_json::Error> {
    let Value::Object(mut shown) = serde_json::to_value(settings)? else { return Ok(Map::new()) };
    shown.remove(BY_OPERATOR);
    shown.remove(push_gateway::BY_OPERATOR);
    Ok(shown)
}
