//! Author and reason of a release: `author` and `message` in the query.

use api_types::control;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use hookd_runtime::Attribution;

use super::input::Parameters;
use super::{ApiError, Control};

/// The values from the caller.
pub(super) struct By(pub(super) Attribution);

impl FromRequestParts<Control> for By {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, server: &Control) -> Result<Self, ApiError> {
        let Parameters(given): Parameters<control::Attribution> = Parameters::from_request_parts(parts, server).await?;
        let by = Attribution::new(given.author, given.message)
            .map_err(|invalid| ApiError::BadRequest(invalid.to_string()))?;
        Ok(Self(by))
    }
}
