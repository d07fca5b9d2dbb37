//! What comes with a control call, and what is said when it is not what the call takes. Axum's own extractors answer
//! refusals as plain text; everything of this API answers JSON.

use std::error::Error as _;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRef, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use futures::StreamExt as _;
use hookd_runtime::{FairBudget, Share};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::{ApiError, internal};

/// Of a JSON body.
const MAX_BODY_BYTES: usize = 2 << 20;

/// JSON bodies of all callers that are not complete.
const ALL_BODIES_BYTES: usize = 16 << 20;

/// A body takes no longer to come.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Longer ones are parsed beside the threads that serve.
const LARGE_BODY_BYTES: usize = 64 << 10;

/// JSON bodies on their way, by the paths of their apps.
#[derive(Clone)]
pub(super) struct ControlBodies(FairBudget<String>);

impl Default for ControlBodies {
    fn default() -> Self {
        Self(FairBudget::new(ALL_BODIES_BYTES))
    }
}

/// A JSON body that says so. Keys in headers keep pages of other sites out already; what a page may send without asking,
/// forms and plain text, is refused besides.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned + Send + 'static,
    S: Send + Sync,
    ControlBodies: FromRef<S>,
{
    type Rejection = ApiError;

    /// A handler takes it last: a caller without a key must not get here.
    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        let app = request.uri().path().split('/').nth(4).unwrap_or_default().to_owned();
        let memory = ControlBodies::from_ref(state).0.take(app, 0);
        let reading = read(request.into_body(), &memory);
        let body = tokio::select! {
            read = tokio::time::timeout(BODY_TIME, reading) => read.map_err(|_| ApiError::BodyTimedOut)??,
            () = memory.lost() => return Err(no_memory()),
        };
        if !is_json && !body.is_empty() {
            return Err(ApiError::WrongType);
        }
        if body.len() <= LARGE_BODY_BYTES {
            return parsed(&body).map(Self).map_err(ApiError::BadRequest);
        }
        let parsing = tokio::task::spawn_blocking(move || parsed(&body));
        parsing.await.map_err(internal)?.map(Self).map_err(ApiError::BadRequest)
    }
}

async fn read(body: Body, memory: &Share<String>) -> Result<BytesMut, ApiError> {
    let (mut pieces, mut whole) = (body.into_data_stream(), BytesMut::new());
    while let Some(bytes) = pieces.next().await {
        let bytes = bytes.map_err(|error| did_not_arrive(&error))?;
        if whole.len() + bytes.len() > MAX_BODY_BYTES {
            return Err(ApiError::TooLarge(MAX_BODY_BYTES));
        }
        memory.grow(bytes.len()).map_err(|_| no_memory())?;
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}

/// Why the rest of a body does not come.
pub(super) fn did_not_arrive(error: &axum::Error) -> ApiError {
    ApiError::BadRequest(format!("the body did not arrive: {error}"))
}

fn no_memory() -> ApiError {
    ApiError::Unavailable("the server holds too many bodies of this app; send this one again later".to_owned())
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
            ApiError::BadRequest(format!("the query does not fit this call: {cause}"))
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
            ApiError::BadRequest(format!("the path `{}` is not valid: {}", parts.uri.path(), rejection.body_text()))
        })?;
        Ok(Self(named))
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|wrong| wrong_body(&wrong))?;
    json.end().map_err(|problem| format!("the body is not JSON: {problem}"))?;
    Ok(parsed)
}

fn wrong_body(wrong: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let (path, problem) = (wrong.path().to_string(), wrong.inner());
    match problem.classify() {
        Category::Data if path == "." => format!("the body does not fit this call: {problem}"),
        Category::Data => format!("the body does not fit this call: `{path}`: {problem}"),
        Category::Io | Category::Syntax | Category::Eof => format!("the body is not JSON: {problem}"),
    }
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
    fn a_wrong_body_is_refused_with_the_field() {
        let wrong = |body: &str| parsed::<Order>(body.as_bytes()).unwrap_err();
        assert!(wrong(r#"{"items": [1, "x"]}"#).contains("`items[1]`: invalid type: string"), "{}", wrong("[1, 2]"));
        assert!(wrong("{}").contains("missing field `items`"));
        assert!(wrong(r#"{"item": []}"#).contains("unknown field `item`"));
        for no_json in ["", "{", "{]", r#"{"items": []} {}"#] {
            assert!(wrong(no_json).starts_with("the body is not JSON"), "{no_json}");
        }
        assert!(parsed::<Order>(br#" {"items": [1]} "#).is_ok());
    }
}
