//! Requests through `wasi:http`.

use std::time::Duration;

use super::url::Url;
use super::{Error, Request, Response};
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
    http_error_code,
};
use crate::bindings::wasi::io::streams::{OutputStream, StreamError};

/// What `blocking-write-and-flush` takes at once.
const WRITE_BYTES: usize = 4096;
/// What is asked of a response at once.
const READ_BYTES: u64 = 64 * 1024;

pub(super) fn send_once(request: &Request, url: &Url) -> Result<Response, Error> {
    let failed = |code: ErrorCode| of_code(code, url);
    let outgoing = outgoing(request, url)?;
    let body = if request.body.is_empty() { None } else { outgoing.body().ok() };
    let answer = outgoing_handler::handle(outgoing, request.timeout.map(options)).map_err(failed)?;
    if let Some(body) = body {
        // When the host has given the request up, its answer says why.
        if write(body, &request.body).is_err() && answer.get().is_none() {
            answer.subscribe().block();
        }
    }
    answer.subscribe().block();
    let response = match answer.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(code))) => return Err(failed(code)),
        Some(Err(())) | None => return Err(lost(url, "the engine gave no answer")),
    };
    read(response, url)
}

fn outgoing(request: &Request, url: &Url) -> Result<OutgoingRequest, Error> {
    let fields = Fields::new();
    for (name, value) in &request.headers {
        fields.append(name, value.as_bytes()).map_err(|_| Error::InvalidHeader(name.clone()))?;
    }
    if !request.body.is_empty() {
        let length = request.body.len().to_string();
        let _ = fields.set("content-length", &[length.into_bytes()]);
    }
    let outgoing = OutgoingRequest::new(fields);
    let invalid = |reason: &str| Error::InvalidUrl { url: request.url.clone(), reason: reason.to_owned() };
    let scheme = if url.is_https { Scheme::Https } else { Scheme::Http };
    outgoing.set_method(&method(&request.method)).map_err(|()| invalid("its method is not an HTTP method"))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| invalid("its scheme is not HTTP"))?;
    outgoing.set_authority(Some(&url.authority)).map_err(|()| invalid("its host is not valid"))?;
    outgoing.set_path_with_query(Some(&url.path_and_query)).map_err(|()| invalid("its path is not valid"))?;
    Ok(outgoing)
}

fn options(timeout: Duration) -> RequestOptions {
    let options = RequestOptions::new();
    let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    // Hosts may refuse options that they do not know; the call's deadline bounds the request anyway.
    let _ = options.set_first_byte_timeout(Some(nanoseconds));
    let _ = options.set_between_bytes_timeout(Some(nanoseconds));
    options
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), ()> {
    {
        let stream: OutputStream = body.write()?;
        for piece in bytes.chunks(WRITE_BYTES) {
            stream.blocking_write_and_flush(piece).map_err(drop)?;
        }
    }
    OutgoingBody::finish(body, None).map_err(drop)
}

fn read(incoming: IncomingResponse, url: &Url) -> Result<Response, Error> {
    let mut response = Response::new(incoming.status());
    for (name, value) in incoming.headers().entries() {
        response = response.with_header(name, value);
    }
    let body: IncomingBody = incoming.consume().map_err(|()| lost(url, "the response has no body"))?;
    let stream = body.stream().map_err(|()| lost(url, "the response has no body"))?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES) {
            Ok(mut piece) => bytes.append(&mut piece),
            Err(StreamError::Closed) => return Ok(response.with_body(bytes)),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match http_error_code(&error) {
                    Some(code) => of_code(code, url),
                    None => of_text(&error.to_debug_string(), url),
                });
            }
        }
    }
}

fn of_code(code: ErrorCode, url: &Url) -> Error {
    let host = url.host().to_owned();
    match code {
        ErrorCode::HttpRequestDenied => Error::HostNotAllowed { host },
        ErrorCode::DestinationIpProhibited => Error::AddressProhibited { host },
        ErrorCode::DnsError(error) => Error::Unresolved { host, reason: error.rcode.unwrap_or_default() },
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => Error::TimedOut { host },
        ErrorCode::InternalError(Some(text)) => of_text(&text, url),
        other => lost(url, &format!("{other:?}")),
    }
}

/// The texts of the engine name the limits of a call.
fn of_text(text: &str, url: &Url) -> Error {
    match text.find("the call's limit") {
        Some(start) => Error::LimitReached(text.get(start..).unwrap_or(text).lines().next().unwrap_or(text).to_owned()),
        None if text.contains("timeout") => Error::TimedOut { host: url.host().to_owned() },
        None => lost(url, text),
    }
}

fn lost(url: &Url, reason: &str) -> Error {
    Error::Connection { host: url.host().to_owned(), reason: reason.to_owned() }
}
