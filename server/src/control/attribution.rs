//! Author and reason of a release: `author` and `message` in the query.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use hookd_runtime::Attribution;
use serde::Deserialize;

use super::input::Parameters;
use super::{ApiError, Control};

/// The values from the caller.
pub(super) struct By(pub(super) Attribution);

#[derive(Deserialize)]
struct ByQuery {
    #[serde(default)]
    author: String,
    #[serde(default)]
    message: String,
}

impl FromRequestParts<Control> for By {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, control: &Control) -> Result<Self, ApiError> {
        let Parameters(ByQuery { author, message }) = Parameters::from_request_parts(parts, control).await?;
        let by = Attribution::new(author, message).map_err(|invalid| ApiError::BadRequest(invalid.to_string()))?;
        Ok(Self(by))
    }
}
