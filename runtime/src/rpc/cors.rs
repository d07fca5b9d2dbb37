//! CORS as LeanEngine does it (§1.12).

use bytes::Bytes;
use http::HeaderValue;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    CONTENT_LENGTH,
};

use super::Head;
use super::reply::Reply;

/// EC-20: must contain `X-LC-Hook-Key` to the letter; LeanCloud's console decides by it.
const ALLOWED_HEADERS: &str = "Content-Type, X-AVOSCloud-Application-Id, X-AVOSCloud-Application-Key, \
    X-AVOSCloud-Application-Production, X-AVOSCloud-Client-Version, X-AVOSCloud-Request-Sign, \
    X-AVOSCloud-Session-Token, X-AVOSCloud-Super-Key, X-LC-Hook-Key, X-LC-Id, X-LC-Key, X-LC-Prod, X-LC-Session, \
    X-LC-Sign, X-LC-UA, X-Requested-With, X-Uluru-Application-Id, X-Uluru-Application-Key, \
    X-Uluru-Application-Production, X-Uluru-Client-Version, X-Uluru-Session-Token";

/// The answer to any OPTIONS.
pub(super) fn preflight() -> Reply {
    let headers = [
        (CONTENT_LENGTH, "0"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
        (ACCESS_CONTROL_ALLOW_METHODS, "HEAD, GET, POST, PUT, DELETE, OPTIONS"),
        (ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
    ];
    let reply = Reply::new(200, Bytes::new());
    headers.into_iter().fold(reply, |reply, (name, value)| reply.with(name, HeaderValue::from_static(value)))
}

/// On every answer that somebody else's page may read.
pub(super) fn allow_origin(reply: Reply, request: &Head<'_>) -> Reply {
    let origin = request.headers.origin().and_then(|origin| HeaderValue::from_bytes(origin).ok());
    let origin = origin.unwrap_or(HeaderValue::from_static("*"));
    reply.with(ACCESS_CONTROL_ALLOW_ORIGIN, origin)
}
