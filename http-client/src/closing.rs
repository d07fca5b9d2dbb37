//! Failures and answers that say that the other side closed the connection.

use std::error::Error as StdError;
use std::io;

use http::header::CONNECTION;
use http::{Extensions, HeaderMap, Response, StatusCode};
use hyper_util::client::legacy::Error;

use crate::watched::ConnectionUse;

/// True when a request went out on a connection that had served others before, and the other side closed it before the first
/// byte of an answer. False where the connection's use is not known.
pub fn met_a_closing_connection(error: &Error) -> bool {
    let Some(connection) = error.connect_info() else { return false };
    let mut extras = Extensions::new();
    connection.get_extras(&mut extras);
    extras.get().is_some_and(ConnectionUse::is_unanswered_again) && is_closed(error)
}

/// True for an answer that is about the connection, and not about the request: a server or a proxy may say 408 when a
/// connection that had served requests before is idle for too long, and closes it. When that crosses the next request, it
/// looks like the answer to it, which then was not read (RFC 9110, 15.5.9). False where the connection's use is not known.
pub fn answers_an_idle_connection<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::REQUEST_TIMEOUT
        && closes(response.headers())
        && response.extensions().get().is_some_and(ConnectionUse::is_used_again)
}

/// True when the connection ends with this message.
fn closes(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|option| option.trim().eq_ignore_ascii_case("close"))
}

fn is_closed(error: &(dyn StdError + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|cause| {
        if let Some(hyper) = cause.downcast_ref::<hyper::Error>() {
            return hyper.is_incomplete_message() || hyper.is_closed();
        }
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        kind.is_some_and(|kind| {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
            matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
        })
    })
}
