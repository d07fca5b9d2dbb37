//! What nodes say to each other about conversations.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Event, Place, Push, Recipient};
use crate::ids::{AppId, ClientId, ConversationId, NodeId, SessionId};
use crate::timestamp::Timestamp;

/// A message from a node to the others. It may come late, twice or never.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Notice {
    /// For [`super::Receiver::receive`].
    Delivery(DeliveryNotice),
    /// For [`crate::presence::SessionLifecycle::end_displaced`].
    Displaced(Vec<DisplacedSession>),
    /// For [`crate::presence::follow_subscriptions_of`].
    Subscriptions(ChangedSubscriptions),
    /// For [`crate::presence::SessionLifecycle::end_kicked`].
    Kicked(KickedClient),
}

/// A client subscribes to other service conversations than before: the store knows to which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedSubscriptions {
    /// Its app.
    pub app: AppId,
    /// The client.
    pub client: ClientId,
}

/// What a node says about conversations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum DeliveryNotice {
    /// Events for sessions.
    Events(Envelope),
    /// How far conversations have come.
    Newest(Vec<Newest>),
}

/// A session that a login on another node displaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplacedSession {
    /// The node that it is on.
    pub node: NodeId,
    /// Its app.
    pub app: AppId,
    /// Its client.
    pub client: ClientId,
    /// Its number on the node.
    pub session: SessionId,
    /// Another device has its tag now (P-53); otherwise its own device is back (P-52).
    pub is_conflict: bool,
}

/// A client that the app has kicked (S-37), or banned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KickedClient {
    /// The app.
    pub app: AppId,
    /// The client.
    pub client: ClientId,
    /// When that was kept. Log-ins that began until then fail.
    pub at: Timestamp,
    /// What the client is told; may be empty.
    pub reason: String,
    /// The address of the caller.
    pub by: IpAddr,
    /// It is banned as well.
    #[serde(default)]
    pub is_banned: bool,
}

/// What one operation in a conversation leads to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The app.
    pub app: AppId,
    /// Where the events stand.
    pub place: Place,
    /// The events.
    pub pushes: Vec<OwnedPush>,
}

/// How far a conversation has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Newest {
    /// The app.
    pub app: AppId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The number of a stored event.
    pub sequence: u64,
    /// When it was committed.
    pub at: Timestamp,
}

/// A [`Push`] that waits, or travels.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwnedPush {
    /// Who.
    pub recipients: Vec<Addressee>,
    /// What.
    pub event: Event,
}

/// A [`Recipient`] that waits, or travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Addressee {
    /// All sessions of a client.
    Client(ClientId),
    /// The other sessions of a client, on the node of this one.
    OtherSessions {
        /// The client.
        client: ClientId,
        /// The session that does not get it.
        than: Option<SessionId>,
    },
    /// One session, on its node.
    Session {
        /// Its client.
        client: ClientId,
        /// The session.
        session: SessionId,
    },
    /// The sessions that are in a chat room.
    Room {
        /// The room.
        room: ConversationId,
        /// The client whose sessions do not get it.
        except: ClientId,
    },
    /// The sessions of all who subscribe to a service conversation.
    Subscribers {
        /// The conversation.
        conversation: ConversationId,
        /// The client whose sessions do not get it.
        except: ClientId,
    },
}

impl Addressee {
    /// As the delivery takes it.
    pub fn borrowed(&self) -> Recipient<'_> {
        match self {
            Self::Client(client) => Recipient::Client(client),
            Self::OtherSessions { client, than } => Recipient::OtherSessions { client, than: *than },
            Self::Session { client, session } => Recipient::Session { client, session: *session },
            Self::Room { room, except } => Recipient::Room { room, except },
            Self::Subscribers { conversation, except } => Recipient::Subscribers { conversation, except },
        }
    }

    /// As other nodes see it: the numbers of sessions are those of one node. `None`: no session is meant there.
    fn elsewhere(&self) -> Option<Self> {
        match self {
            Self::Client(client) | Self::OtherSessions { client, .. } => Some(Self::Client(client.clone())),
            Self::Room { .. } | Self::Subscribers { .. } => Some(self.clone()),
            Self::Session { .. } => None,
        }
    }
}

impl From<Recipient<'_>> for Addressee {
    fn from(recipient: Recipient<'_>) -> Self {
        match recipient {
            Recipient::Client(client) => Self::Client(client.clone()),
            Recipient::OtherSessions { client, than } => Self::OtherSessions { client: client.clone(), than },
            Recipient::Session { client, session } => Self::Session { client: client.clone(), session },
            Recipient::Room { room, except } => Self::Room { room: room.clone(), except: except.clone() },
            Recipient::Subscribers { conversation, except } => {
                Self::Subscribers { conversation: conversation.clone(), except: except.clone() }
            }
        }
    }
}

impl From<&Push<'_>> for OwnedPush {
    fn from(push: &Push<'_>) -> Self {
        Self { recipients: push.recipients.iter().copied().map(Addressee::from).collect(), event: push.event.clone() }
    }
}

impl OwnedPush {
    /// As other nodes deliver it.
    pub(super) fn elsewhere(&self) -> Self {
        Self {
            recipients: self.recipients.iter().filter_map(Addressee::elsewhere).collect(),
            event: self.event.clone(),
        }
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        const RECIPIENT_BYTES: usize = 64;
        self.event.bytes().saturating_add(self.recipients.len().saturating_mul(RECIPIENT_BYTES))
    }
}
