//! The delivery of a node beside others: to its own sessions in the order of the numbers, and to the other nodes.

use std::sync::Arc;

use super::announcements::Announcements;
use super::{
    ChangedSubscriptions, Delivery, DeliveryNotice, DisplacedSession, Envelope, Event, KickedClient, Notice, OwnedPush,
    Place, Position, Push, Receiver, ReceiverLimits, Recipient,
};
use crate::actor::Origin;
use crate::ids::{AppId, MessageId, SessionId};
use crate::keyed_locks::ConversationLocks;
use crate::presence::{ChatRooms, OnlineSubscribers};
use crate::store::StoredEventLog;
use crate::timestamp::Timestamp;

/// Takes what a node says to all other nodes.
pub trait Bus: Send + Sync + 'static {
    /// Without I/O: into a bounded queue. It may be lost, doubled, and overtaken.
    fn publish(&self, notice: &Notice);
}

/// [`Delivery`] between nodes on one store.
pub struct DeliveryBetweenNodes {
    sessions: Arc<dyn Delivery>,
    receiver: Arc<Receiver>,
    announcements: Announcements,
    bus: Arc<dyn Bus>,
}

impl DeliveryBetweenNodes {
    /// Of a node that starts now, with the delivery to its own sessions.
    pub fn new(
        sessions: Arc<dyn Delivery>,
        store: Arc<dyn StoredEventLog>,
        bus: Arc<dyn Bus>,
        limits: ReceiverLimits,
    ) -> Self {
        Self {
            receiver: Arc::new(Receiver::new(store, sessions.clone(), limits)),
            sessions,
            announcements: Announcements::new(limits.window),
            bus,
        }
    }

    /// Takes what the bus brings from other nodes.
    pub fn receiver(&self) -> Arc<Receiver> {
        self.receiver.clone()
    }

    /// Fetches what is missing, and announces what this node has committed, until it is dropped. The locks are those of the
    /// node's use cases.
    pub async fn run(&self, locks: &ConversationLocks) {
        let announcing =
            self.announcements.run(|newest| self.bus.publish(&Notice::Delivery(DeliveryNotice::Newest(newest))));
        tokio::join!(self.receiver.run(locks), announcing);
    }
}

impl Delivery for DeliveryBetweenNodes {
    fn deliver(&self, app: &AppId, recipients: &[Recipient<'_>], event: &Event, origin: Option<Origin>) {
        self.sessions.deliver(app, recipients, event, origin);
    }

    fn deliver_late(
        &self,
        app: &AppId,
        recipients: &[Recipient<'_>],
        event: &Event,
        origin: Option<Origin>,
        opened_until: Timestamp,
    ) {
        self.sessions.deliver_late(app, recipients, event, origin, opened_until);
    }

    fn deliver_at(&self, app: &AppId, place: &Place, pushes: &[Push<'_>], origin: Option<Origin>) {
        let pushes: Vec<OwnedPush> = pushes.iter().map(OwnedPush::from).collect();
        let elsewhere = pushes.iter().map(OwnedPush::elsewhere).collect();
        self.receiver.accept_own(Envelope { app: app.clone(), place: place.clone(), pushes }, origin);
        let envelope = Envelope { app: app.clone(), place: place.clone(), pushes: elsewhere };
        self.bus.publish(&Notice::Delivery(DeliveryNotice::Events(envelope)));
        if let Position::Stored { sequence, at, .. } = place.position {
            self.announcements.committed(app, &place.conversation, sequence, at);
        }
    }

    fn note_unanswered(&self, message: &MessageId, sender: Option<SessionId>) {
        if let Some(sender) = sender {
            self.receiver.note_unanswered(message.clone(), sender);
        }
    }

    fn tell_displaced(&self, displaced: Vec<DisplacedSession>) {
        if !displaced.is_empty() {
            self.bus.publish(&Notice::Displaced(displaced));
        }
    }

    fn tell_kicked(&self, kick: KickedClient) {
        self.bus.publish(&Notice::Kicked(kick));
    }

    fn tell_subscriptions(&self, changed: ChangedSubscriptions) {
        self.bus.publish(&Notice::Subscriptions(changed));
    }

    fn rooms(&self) -> Arc<ChatRooms> {
        self.sessions.rooms()
    }

    fn subscribers(&self) -> Arc<OnlineSubscribers> {
        self.sessions.subscribers()
    }

    fn close_app(&self, app: &AppId) {
        self.receiver.forget_app(app);
        self.sessions.close_app(app);
    }
}
