//! Errors of HTTP calls.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::protocol::replies::code_of;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::AppId;

/// The error form that the client SDKs read.
pub(super) fn rejection(status: StatusCode, code: i32, error: &str) -> Response {
    (status, Json(json!({ "code": code, "error": error }))).into_response()
}

/// A refusal, or a failure of the store, which is logged as `failure`.
pub(super) fn refusal(app: &AppId, error: &RequestError, failure: &str) -> Response {
    let code = code_of(error);
    let status = match (error, code) {
        (RequestError::Store(error), _) => {
            tracing::error!(%app, error = error as &dyn std::error::Error, "{failure}");
            StatusCode::INTERNAL_SERVER_ERROR
        }
        (_, Code::SessionTokenExpired) => StatusCode::UNAUTHORIZED,
        (_, Code::ConversationNotFound) => StatusCode::NOT_FOUND,
        _ => StatusCode::FORBIDDEN,
    };
    rejection(status, code.number(), code.name())
}
