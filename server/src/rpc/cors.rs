//! CORS as LeanEngine does it (§1.12).

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ORIGIN,
};
use http::{HeaderMap, HeaderValue};

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
        (ACCESS_CONTROL_MAX_AGE, "86400"),
        (ACCESS_CONTROL_ALLOW_METHODS, "HEAD, GET, POST, PUT, DELETE, OPTIONS"),
        (ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
    ];
    let mut reply = Reply::default();
    reply.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    reply
}

/// On every answer that a page of another origin may read.
pub(super) fn allow_origin(mut reply: Reply, request: &HeaderMap) -> Reply {
    let origin = request.get(ORIGIN).cloned().unwrap_or(HeaderValue::from_static("*"));
    reply.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    reply
}
