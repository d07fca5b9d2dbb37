//! Errors of HTTP calls.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The error form that the client SDKs read.
pub(super) fn rejection(status: StatusCode, code: i32, error: &str) -> Response {
    (status, Json(json!({ "code": code, "error": error }))).into_response()
}
