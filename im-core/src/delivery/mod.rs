//! Events, and the way to the sessions that get them.
//!
//! Rules: P-46 (receivers are fixed when the operation happens), P-82 (order per session).

mod announcements;
mod between_nodes;
mod event;
mod notice;
mod order;
mod place;
mod priority;
mod receiver;
mod recovered;

pub use between_nodes::{Bus, DeliveryBetweenNodes};
pub(crate) use event::OfChange;
pub use event::{
    ChangedAttributes, ChangedMembers, ChangedRestriction, ChangedRole, DeliveredMessage, Event, PatchReason,
    PatchedMessage, Receipt, UnreadCounts,
};
pub use notice::{
    Addressee, ChangedSubscriptions, DeliveryNotice, DisplacedSession, Envelope, KickedClient, Newest, Notice,
    OwnedPush,
};
pub use place::{Before, Place, Position};
pub use priority::Priority;
pub use receiver::{Receiver, ReceiverLimits};

use std::sync::Arc;

use crate::actor::Origin;
use crate::ids::{AppId, ClientId, ConversationId, MessageId, SessionId};
use crate::presence::{ChatRooms, OnlineSubscribers};
use crate::timestamp::Timestamp;

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
    /// The sessions that are in a chat room now.
    Room {
        /// The room.
        room: &'a ConversationId,
        /// The client whose sessions do not get it.
        except: &'a ClientId,
    },
    /// The sessions of all who subscribe to a service conversation now.
    Subscribers {
        /// The conversation.
        conversation: &'a ConversationId,
        /// The client whose sessions do not get it.
        except: &'a ClientId,
    },
}

/// An event and those who get it.
#[derive(Clone, Debug)]
pub struct Push<'a> {
    /// Who.
    pub recipients: Vec<Recipient<'a>>,
    /// What.
    pub event: Event,
}

/// Takes events to sessions.
pub trait Delivery: Send + Sync + 'static {
    /// Hands an event over to sessions of this process, without I/O. Events get their places in the order of the calls. On the
    /// connection of `origin` the event waits for the reply of that request.
    fn deliver(&self, app: &AppId, recipients: &[Recipient<'_>], event: &Event, origin: Option<Origin>);

    /// As [`Self::deliver`], for an event that may have been on its way for long: sessions that were opened after `opened_until`
    /// are none of its receivers (P-46).
    fn deliver_late(
        &self,
        app: &AppId,
        recipients: &[Recipient<'_>],
        event: &Event,
        origin: Option<Origin>,
        opened_until: Timestamp,
    );

    /// Hands over what one operation in a conversation leads to, all of it or none. Otherwise as [`Self::deliver`]: between
    /// nodes the place decides about the order, not the call.
    fn deliver_at(&self, app: &AppId, place: &Place, pushes: &[Push<'_>], origin: Option<Origin>) {
        let _ = place;
        pushes.iter().for_each(|push| self.deliver(app, &push.recipients, &push.event, origin));
    }

    /// The store did not say whether it has a message of this session. Where events are read from the store again, this is not
    /// one of another session.
    fn note_unanswered(&self, message: &MessageId, sender: Option<SessionId>) {
        let _ = (message, sender);
    }

    /// Tells other nodes that sessions of theirs are displaced, without I/O. A node that does not hear of it learns it with
    /// its next lease.
    fn tell_displaced(&self, displaced: Vec<DisplacedSession>) {
        debug_assert!(displaced.is_empty(), "there are no other nodes");
    }

    /// Tells other nodes that a client was kicked, without I/O. On a node that does not hear of it the client stays online; it does
    /// not come back with what it was given before.
    fn tell_kicked(&self, kick: KickedClient) {
        let _ = kick;
    }

    /// Tells other nodes that the subscriptions of a client have changed, without I/O. A node that does not hear of it learns it when the
    /// client logs in there.
    fn tell_subscriptions(&self, changed: ChangedSubscriptions) {
        let _ = changed;
    }

    /// The sessions of this process that are in chat rooms: there it finds the receivers of [`Recipient::Room`].
    fn rooms(&self) -> Arc<ChatRooms>;

    /// The sessions of this process whose clients subscribe: the receivers of [`Recipient::Subscribers`].
    fn subscribers(&self) -> Arc<OnlineSubscribers>;

    /// Closes the connections of an app that is gone, with 4100.
    fn close_app(&self, app: &AppId);
}
