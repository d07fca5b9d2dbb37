//! What comes with a control call, and what is said when it is not what the call takes. Axum's own extractors answer
//! refusals as plain text; everything of this API answers JSON.

use std::error::Error as _;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::{ApiError, routes};

/// Axum's limit on a body whose route sets none.
const MAX_BODY_BYTES: usize = 2 << 20;

/// A JSON body that says so. Keys in headers keep pages of other sites out already; what a page may send without asking,
/// forms and plain text, is refused besides.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let body = Bytes::from_request(request, state).await.map_err(|rejection| unread(&rejection, MAX_BODY_BYTES))?;
        if !is_json && !body.is_empty() {
            return Err(ApiError::WrongType);
        }
        parsed(&body).map(Self).map_err(ApiError::BadRequest)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let claimed = headers.get(header::CONTENT_TYPE).and_then(|claimed| claimed.to_str().ok());
    let essence = claimed.and_then(|claimed| claimed.split(';').next()).unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The parameters behind the `?`.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(parameters) = Query::from_request_parts(parts, state).await.map_err(|rejection| {
            let cause = rejection.source().map_or_else(|| rejection.to_string(), ToString::to_string);
            ApiError::BadRequest(format!("the query is not what this call takes: {cause}"))
        })?;
        Ok(Self(parameters))
    }
}

/// The parts of the path that vary.
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::from_request_parts(parts, state).await;
        let Path(named) = path.map_err(|rejection| {
            ApiError::BadRequest(format!("`{}` names nothing: {}", parts.uri.path(), rejection.body_text()))
        })?;
        Ok(Self(named))
    }
}

/// Why a body could not be read; `limit` is how long it may be.
pub(super) fn unread(rejection: &BytesRejection, limit: usize) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge(limit),
        _ => ApiError::BadRequest(format!("the body did not arrive: {}", rejection.body_text())),
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|wrong| wrong_body(&wrong))?;
    json.end().map_err(|problem| format!("the body is no JSON: {problem}"))?;
    Ok(parsed)
}

fn wrong_body(wrong: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let (path, problem) = (wrong.path().to_string(), wrong.inner());
    match problem.classify() {
        Category::Data if path == "." => format!("the body is not what this call takes: {problem}"),
        Category::Data => format!("the body is not what this call takes: `{path}`: {problem}"),
        Category::Io | Category::Syntax | Category::Eof => format!("the body is no JSON: {problem}"),
    }
}

/// Answers a path of the control API that leads nowhere.
pub(super) async fn unknown_call(uri: Uri) -> ApiError {
    ApiError::UnknownCall(format!("there is no control call `{}`; `GET {}` lists all", uri.path(), routes::PATH))
}

/// Answers a path of the control API that is not called so.
pub(super) async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    let text = format!("there is no control call `{method} {}`; `GET {}` lists all", uri.path(), routes::PATH);
    ApiError::WrongMethod(text)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[serde(rename = "items")]
        _items: Vec<u8>,
    }

    #[test]
    fn a_wrong_body_is_told_with_the_field() {
        let wrong = |body: &str| parsed::<Order>(body.as_bytes()).unwrap_err();
        assert!(wrong(r#"{"items": [1, "x"]}"#).contains("`items[1]`: invalid type: string"), "{}", wrong("[1, 2]"));
        assert!(wrong("{}").contains("missing field `items`"));
        assert!(wrong(r#"{"item": []}"#).contains("unknown field `item`"));
        for no_json in ["", "{", "{]", r#"{"items": []} {}"#] {
            assert!(wrong(no_json).starts_with("the body is no JSON"), "{no_json}");
        }
        assert!(parsed::<Order>(br#" {"items": [1]} "#).is_ok());
    }
}
