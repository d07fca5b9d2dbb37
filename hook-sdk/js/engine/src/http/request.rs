//! From a script's request to one of `wasi:http`.

use std::time::Duration;

use rquickjs::{Ctx, Object};

use super::error::RequestError;
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    Fields, FutureIncomingResponse, HeaderError, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use crate::bytes::Bytes;
use crate::text::Text;

/// What `blocking-write-and-flush` takes at once.
const WRITE_BYTES: usize = 4096;

/// A URL in its parts. The shim's `URL` made the text of it.
struct Target<'a> {
    scheme: Scheme,
    authority: &'a str,
    path: String,
}

/// Sends a request with its body.
pub(super) fn send<'js>(ctx: &Ctx<'js>, request: &Object<'js>) -> Result<FutureIncomingResponse, RequestError> {
    let url = request.get::<_, Text>("url")?.0;
    let target = target(&url)?;
    let headers = request.get::<_, Option<Vec<Vec<Text>>>>("headers")?.unwrap_or_default();
    let body = request.get::<_, Option<Bytes>>("body")?.map(|body| body.0).unwrap_or_default();
    let outgoing = OutgoingRequest::new(fields(ctx, headers, body.len())?);
    let method = request.get::<_, Option<Text>>("method")?.map_or_else(|| "GET".to_owned(), |method| method.0);
    outgoing.set_method(&named(&method)).map_err(|()| RequestError::Script(invalid(ctx, "the method", &method)))?;
    let wrong_url = |()| RequestError::invalid_url(&url);
    outgoing.set_scheme(Some(&target.scheme)).map_err(wrong_url)?;
    outgoing.set_authority(Some(target.authority)).map_err(wrong_url)?;
    outgoing.set_path_with_query(Some(&target.path)).map_err(wrong_url)?;
    let options = request.get::<_, Option<f64>>("timeoutMs")?.and_then(options);
    let writer = if body.is_empty() { None } else { outgoing.body().ok() };
    let answer = outgoing_handler::handle(outgoing, options).map_err(RequestError::Code)?;
    if let Some(writer) = writer {
        // When the host has given the request up, its answer says why.
        let _ = write(writer, &body);
    }
    Ok(answer)
}

fn fields(ctx: &Ctx<'_>, headers: Vec<Vec<Text>>, body_bytes: usize) -> Result<Fields, RequestError> {
    let fields = Fields::new();
    for pair in headers {
        let mut pair = pair.into_iter();
        let (Some(Text(name)), Some(Text(value))) = (pair.next(), pair.next()) else { continue };
        match fields.append(&name, &header_bytes(&value)) {
            // Those of the connection are the engine's own.
            Ok(()) | Err(HeaderError::Forbidden | HeaderError::Immutable) => {}
            Err(HeaderError::InvalidSyntax) => return Err(RequestError::Script(invalid(ctx, "the header", &name))),
        }
    }
    if body_bytes > 0 {
        // A length of the script's own would be refused where it is wrong.
        let _ = fields.set("content-length", &[body_bytes.to_string().into_bytes()]);
    }
    Ok(fields)
}

/// One byte for each character, as in Node, where that is possible.
fn header_bytes(value: &str) -> Vec<u8> {
    let bytes: Option<Vec<u8>> = value.chars().map(|character| u8::try_from(character).ok()).collect();
    bytes.unwrap_or_else(|| value.as_bytes().to_vec())
}

/// Throws what Node throws.
fn invalid(ctx: &Ctx<'_>, what: &str, name: &str) -> rquickjs::Error {
    match rquickjs::Exception::from_message(ctx.clone(), &format!("Invalid character in {what} [{name:?}]")).and_then(
        |error| {
            error.set("code", "ERR_INVALID_CHAR")?;
            Ok(error)
        },
    ) {
        Ok(error) => error.throw(),
        Err(error) => error,
    }
}

fn target(url: &str) -> Result<Target<'_>, RequestError> {
    let wrong = || RequestError::invalid_url(url);
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(wrong()),
    };
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or_else(wrong)?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if authority.is_empty() {
        return Err(wrong());
    }
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok(Target { scheme, authority, path })
}

fn options(milliseconds: f64) -> Option<RequestOptions> {
    let time = Duration::try_from_secs_f64(milliseconds / 1e3).ok().filter(|time| !time.is_zero())?;
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    // Hosts may refuse options that they do not know; the call's deadline bounds the request anyway.
    let _ = options.set_connect_timeout(Some(nanoseconds));
    let _ = options.set_first_byte_timeout(Some(nanoseconds));
    let _ = options.set_between_bytes_timeout(Some(nanoseconds));
    Some(options)
}

fn named(method: &str) -> Method {
    match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), ()> {
    {
        let stream = body.write()?;
        for piece in bytes.chunks(WRITE_BYTES) {
            stream.blocking_write_and_flush(piece).map_err(drop)?;
        }
    }
    OutgoingBody::finish(body, None).map_err(drop)
}
