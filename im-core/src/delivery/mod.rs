//! Events, and the way to the sessions that get them.
//!
//! Rules: P-46 (receivers are fixed when the operation happens), P-82 (order per session).

mod event;

pub use event::{ChangedAttributes, ChangedMembers, DeliveredMessage, Event, PatchReason, PatchedMessage};

use crate::actor::Origin;
use crate::ids::{AppId, ClientId, SessionId};

/// Who gets an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient<'a> {
    /// All sessions of a client that are online now.
    Client(&'a ClientId),
    /// The other sessions of a client.
    OtherSessions {
        /// The client.
        client: &'a ClientId,
        /// The session that does not get it; all get it when this is absent.
        than: Option<SessionId>,
    },
    /// One session, also when it has just ended.
    Session {
        /// Its client.
        client: &'a ClientId,
        /// The session.
        session: SessionId,
    },
}

/// Takes events to sessions.
pub trait Delivery: Send + Sync + 'static {
    /// Hands an event over, without I/O. Events get their places in the order of the calls. On the connection of `origin`
    /// the event waits for the reply of that request.
    fn deliver(&self, app: &AppId, recipients: &[Recipient<'_>], event: &Event, origin: Option<Origin>);

    /// Closes the connections of an app that is gone, with 4100.
    fn close_app(&self, app: &AppId);
}
