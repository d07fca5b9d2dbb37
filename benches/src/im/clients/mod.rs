//! Clients of the servers under test: what a measurement asks of them, whichever protocol they speak.

mod hookd;
mod xmpp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use self::xmpp::{DOMAIN, PASSWORD};
use crate::meter::Meter;

/// Where and how to log in.
#[derive(Clone)]
pub enum Endpoint {
    /// An app of hookd.
    Hookd {
        /// Of the server.
        address: SocketAddr,
        /// The app.
        app_id: String,
    },
    /// An XMPP server for the domain `localhost`.
    Xmpp {
        /// Of the server.
        address: SocketAddr,
        /// The domain of its rooms.
        rooms: &'static str,
    },
}

/// What messages are sent to.
#[derive(Clone)]
pub enum Destination {
    /// A conversation of hookd, by its id.
    Conversation(String),
    /// An XMPP client, by its address.
    Person(String),
    /// A room of an XMPP server, by its address.
    Room(String),
}

impl Destination {
    /// How many clients get each message where `online` members are: in a room of XMPP the sender is one of them.
    pub fn receivers(&self, online: u32) -> u32 {
        if matches!(self, Self::Room(_)) { online } else { online.saturating_sub(1) }
    }
}

/// A client that is logged in, and asks one thing at a time.
pub enum Connection {
    /// Of hookd.
    Hookd(hookd::Connection),
    /// Of an XMPP server.
    Xmpp(xmpp::Connection),
}

impl Connection {
    /// Connects and logs in: afterwards the client gets its messages.
    pub async fn open(endpoint: &Endpoint, name: &str) -> anyhow::Result<Self> {
        let opened = match endpoint {
            Endpoint::Hookd { address, app_id } => {
                hookd::Connection::open(*address, app_id, name).await.map(Self::Hookd)
            }
            Endpoint::Xmpp { address, rooms } => xmpp::Connection::open(*address, rooms, name).await.map(Self::Xmpp),
        };
        opened.with_context(|| format!("`{name}` cannot log in"))
    }

    /// Where to write to a single other client.
    pub async fn pair_with(&mut self, other: &str) -> anyhow::Result<Destination> {
        match self {
            Self::Hookd(connection) => {
                let members = vec![connection.name().to_owned(), other.to_owned()];
                Ok(Destination::Conversation(connection.create_conversation(members).await?))
            }
            Self::Xmpp(_) => Ok(Destination::Person(xmpp::address(other))),
        }
    }

    /// Creates a group, and comes into it.
    pub async fn create_group(&mut self, name: &str, members: Vec<String>) -> anyhow::Result<Destination> {
        match self {
            Self::Hookd(connection) => Ok(Destination::Conversation(connection.create_conversation(members).await?)),
            Self::Xmpp(connection) => Ok(Destination::Room(connection.create_room(name).await?)),
        }
    }

    /// Comes into a group that another client created.
    pub async fn join(&mut self, group: &Destination) -> anyhow::Result<()> {
        match (self, group) {
            (Self::Xmpp(connection), Destination::Room(room)) => connection.join(room).await,
            // Members are in it already.
            _ => Ok(()),
        }
    }

    /// Sends a message with a text of its own, and waits until the server has taken it.
    pub async fn request_send(&mut self, to: &Destination, text: &str) -> anyhow::Result<()> {
        match (self, to) {
            (Self::Hookd(connection), Destination::Conversation(conversation)) => {
                connection.request_send(conversation, text).await
            }
            _ => bail!("XMPP has no answer to a message"),
        }
    }

    /// From now on the client tells the meter what it gets, and sends without waiting.
    pub fn listen(self, meter: &Arc<Meter>) -> Client {
        let (outgoing, waiting) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        match self {
            Self::Hookd(connection) => connection.listen(&mut tasks, (outgoing.clone(), waiting), meter),
            Self::Xmpp(connection) => connection.listen(&mut tasks, waiting, meter),
        }
        Client { outgoing, meter: meter.clone(), serial: AtomicI32::new(FIRST_SERIAL), _tasks: tasks }
    }
}

/// Above the serial numbers of what a client asked before it listened.
const FIRST_SERIAL: i32 = 1_000;

/// A client that listens. Its connection ends when it is dropped.
pub struct Client {
    outgoing: mpsc::UnboundedSender<Bytes>,
    meter: Arc<Meter>,
    serial: AtomicI32,
    _tasks: JoinSet<()>,
}

impl Client {
    /// Sends a message of that number.
    pub fn send(&self, to: &Destination, message: u64) {
        let text = self.meter.text().of(message);
        let bytes = match to {
            Destination::Conversation(conversation) => {
                hookd::message(conversation, &text, message, self.serial.fetch_add(1, Ordering::Relaxed))
            }
            Destination::Person(address) => xmpp::message(address, "chat", &text, message),
            Destination::Room(address) => xmpp::message(address, "groupchat", &text, message),
        };
        if self.outgoing.send(bytes).is_err() {
            self.meter.fail("a client lost its connection".to_owned());
        }
    }
}
