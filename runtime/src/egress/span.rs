//! The span of a request: its host and its outcome; never the path, which may hold what users wrote.

use http::{Method, Request, Response};
use opentelemetry::{Context, KeyValue};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::trace::HostSpan;

/// A part of the call's span. The names are those of OpenTelemetry's conventions.
pub(super) fn begin(call: &Context, request: &Request<WasiBody>) -> Option<HostSpan> {
    let method = method(request.method());
    let uri = request.uri();
    let mut attributes = vec![
        KeyValue::new("http.request.method", method),
        KeyValue::new("server.address", uri.host().unwrap_or_default().to_owned()),
        KeyValue::new("url.scheme", uri.scheme_str().unwrap_or_default().to_owned()),
    ];
    if let Some(port) = uri.port_u16() {
        attributes.push(KeyValue::new("server.port", i64::from(port)));
    }
    HostSpan::begin(call, format!("http {method}"), attributes)
}

/// The response's head has arrived, or the request failed.
pub(super) fn end(span: HostSpan, answer: Result<&Response<WasiBody>, &Error>) {
    let result = match answer {
        Ok(response) => {
            let status = response.status();
            span.note(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
            if status.as_u16() < 400 { Ok(()) } else { Err(status.as_str().to_owned()) }
        }
        Err(error) => Err(kind(error).to_owned()),
    };
    span.end(result);
}

/// A function may make methods up: they would be names without end.
fn method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "TRACE" => "TRACE",
        "PATCH" => "PATCH",
        _ => "_OTHER",
    }
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::HttpRequestDenied => "host_not_allowed",
        Error::DestinationIpProhibited => "address_prohibited",
        Error::DnsError { .. } | Error::DnsTimeout => "dns",
        Error::TlsCertificateError | Error::TlsProtocolError | Error::TlsAlertReceived { .. } => "tls",
        Error::ConnectionTimeout | Error::ConnectionReadTimeout | Error::ConnectionWriteTimeout => "timeout",
        Error::HttpRequestUriInvalid | Error::HttpRequestMethodInvalid => "invalid_request",
        // The texts of the call's budget.
        Error::InternalError(_) => "limit",
        _ => "connection",
    }
}
