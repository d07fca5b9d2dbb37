//! Failures that say that the other side closed the connection.

use std::error::Error as StdError;
use std::io;

use http::Extensions;
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
