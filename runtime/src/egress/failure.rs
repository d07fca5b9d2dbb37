//! What a failed request is called: `wasi:http` codes for the guest, a text for the app's log.

use std::error::Error as StdError;
use std::io;

use wasmtime_wasi_http::Error;

use super::resolve::ResolveError;

/// The code and the text of what hyper's client failed with.
pub(super) fn of_client(host: &str, error: &(dyn StdError + 'static)) -> (Error, String) {
    let mut cause = Some(error);
    let mut last = error.to_string();
    while let Some(error) = cause {
        if let Some(found) = known(host, error) {
            return found;
        }
        last = error.to_string();
        // An I/O error hides what it wraps from `source`.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = wrapped.map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| error.source());
    }
    (Error::HttpProtocolError, format!("the request to `{host}` failed: {last}"))
}

fn known(host: &str, error: &(dyn StdError + 'static)) -> Option<(Error, String)> {
    if let Some(refused) = error.downcast_ref::<ResolveError>() {
        let code = match refused {
            ResolveError::Prohibited(_) => Error::DestinationIpProhibited,
            // The guest reports by itself the result of each name.
            ResolveError::NotFound { reason, .. } => Error::DnsError { rcode: Some(reason.clone()), info_code: None },
        };
        return Some((code, refused.to_string()));
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        let code = match error {
            rustls::Error::InvalidCertificate(_) => Error::TlsCertificateError,
            _ => Error::TlsProtocolError,
        };
        let reason = match error {
            rustls::Error::FailedToGetCurrentTime => {
                "the clock of the server is before 1970, and no certificate can be checked".to_owned()
            }
            _ => error.to_string(),
        };
        return Some((code, format!("no secure connection to `{host}`: {reason}")));
    }
    if error.downcast_ref::<hyper::Error>().is_some_and(|hyper| hyper.is_incomplete_message() || hyper.is_closed()) {
        return Some((Error::ConnectionTerminated, format!("`{host}` closed the connection before its answer")));
    }
    // The budget speaks through the body of the request.
    if let Some(Error::InternalError(text)) = error.downcast_ref::<Error>() {
        return Some((Error::InternalError(text.clone()), text.clone().unwrap_or_default()));
    }
    let io = error.downcast_ref::<io::Error>().filter(|io| io.get_ref().is_none())?;
    let code = match io.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            return Some((Error::ConnectionTerminated, format!("`{host}` closed the connection: {io}")));
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Error::DestinationIpUnroutable,
        _ => return None,
    };
    Some((code, format!("no connection to `{host}`: {io}")))
}
