//! Why a request failed, as scripts see it: an `Error` whose `code` is the name that `wasi:http` gives it.

use rquickjs::{Ctx, Exception, IntoJs, Value};

use crate::bindings::wasi::http::types::{ErrorCode, http_error_code};
use crate::bindings::wasi::io::error::Error as StreamFailure;

pub(super) enum RequestError {
    /// The engine's.
    Code(ErrorCode),
    /// The script's own, pending.
    Script(rquickjs::Error),
    /// Any other: its name and a text.
    Other(&'static str, String),
}

impl From<rquickjs::Error> for RequestError {
    fn from(error: rquickjs::Error) -> Self {
        Self::Script(error)
    }
}

impl RequestError {
    pub(super) fn internal(text: &str) -> Self {
        Self::Other("internal-error", text.to_owned())
    }

    pub(super) fn invalid_url(url: &str) -> Self {
        Self::Other("HTTP-request-URI-invalid", format!("{url:?} is not the URL of an HTTP request"))
    }

    pub(super) fn of_stream(error: &StreamFailure) -> Self {
        http_error_code(error).map_or_else(|| Self::internal(&error.to_debug_string()), Self::Code)
    }

    /// The `Error` of JavaScript.
    pub(super) fn into_value<'js>(self, ctx: &Ctx<'js>) -> rquickjs::Result<Value<'js>> {
        let (name, text) = match self {
            Self::Script(error) if error.is_exception() => return Ok(ctx.catch()),
            Self::Script(error) => ("internal-error", error.to_string()),
            Self::Other(name, text) => (name, text),
            Self::Code(code) => (name(&code), text(&code)),
        };
        let error = Exception::from_message(ctx.clone(), &text)?;
        error.set("code", name)?;
        error.into_js(ctx)
    }
}

fn text(code: &ErrorCode) -> String {
    match code {
        ErrorCode::InternalError(Some(text)) => text.clone(),
        ErrorCode::DnsError(error) => match &error.rcode {
            Some(reason) => format!("the request failed: {} ({reason})", name(code)),
            None => format!("the request failed: {}", name(code)),
        },
        _ => format!("the request failed: {}", name(code)),
    }
}

fn name(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::DnsTimeout => "DNS-timeout",
        ErrorCode::DnsError(_) => "DNS-error",
        ErrorCode::DestinationNotFound => "destination-not-found",
        ErrorCode::DestinationUnavailable => "destination-unavailable",
        ErrorCode::DestinationIpProhibited => "destination-IP-prohibited",
        ErrorCode::DestinationIpUnroutable => "destination-IP-unroutable",
        ErrorCode::ConnectionRefused => "connection-refused",
        ErrorCode::ConnectionTerminated => "connection-terminated",
        ErrorCode::ConnectionTimeout => "connection-timeout",
        ErrorCode::ConnectionReadTimeout => "connection-read-timeout",
        ErrorCode::ConnectionWriteTimeout => "connection-write-timeout",
        ErrorCode::ConnectionLimitReached => "connection-limit-reached",
        ErrorCode::TlsProtocolError => "TLS-protocol-error",
        ErrorCode::TlsCertificateError => "TLS-certificate-error",
        ErrorCode::TlsAlertReceived(_) => "TLS-alert-received",
        ErrorCode::HttpRequestDenied => "HTTP-request-denied",
        ErrorCode::HttpRequestLengthRequired => "HTTP-request-length-required",
        ErrorCode::HttpRequestBodySize(_) => "HTTP-request-body-size",
        ErrorCode::HttpRequestMethodInvalid => "HTTP-request-method-invalid",
        ErrorCode::HttpRequestUriInvalid => "HTTP-request-URI-invalid",
        ErrorCode::HttpRequestUriTooLong => "HTTP-request-URI-too-long",
        ErrorCode::HttpRequestHeaderSectionSize(_) => "HTTP-request-header-section-size",
        ErrorCode::HttpRequestHeaderSize(_) => "HTTP-request-header-size",
        ErrorCode::HttpRequestTrailerSectionSize(_) => "HTTP-request-trailer-section-size",
        ErrorCode::HttpRequestTrailerSize(_) => "HTTP-request-trailer-size",
        ErrorCode::HttpResponseIncomplete => "HTTP-response-incomplete",
        ErrorCode::HttpResponseHeaderSectionSize(_) => "HTTP-response-header-section-size",
        ErrorCode::HttpResponseHeaderSize(_) => "HTTP-response-header-size",
        ErrorCode::HttpResponseBodySize(_) => "HTTP-response-body-size",
        ErrorCode::HttpResponseTrailerSectionSize(_) => "HTTP-response-trailer-section-size",
        ErrorCode::HttpResponseTrailerSize(_) => "HTTP-response-trailer-size",
        ErrorCode::HttpResponseTransferCoding(_) => "HTTP-response-transfer-coding",
        ErrorCode::HttpResponseContentCoding(_) => "HTTP-response-content-coding",
        ErrorCode::HttpResponseTimeout => "HTTP-response-timeout",
        ErrorCode::HttpUpgradeFailed => "HTTP-upgrade-failed",
        ErrorCode::HttpProtocolError => "HTTP-protocol-error",
        ErrorCode::LoopDetected => "loop-detected",
        ErrorCode::ConfigurationError => "configuration-error",
        ErrorCode::InternalError(_) => "internal-error",
    }
}
