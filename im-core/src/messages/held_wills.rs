//! Will messages that are held until the session that set them is lost (S-51).
//!
//! They are in memory. One that is delivered is not stored either: who is offline then never gets it. So the wills of a process
//! that dies are lost with it; the clients of its sockets, who could have got them, are offline too.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::content;
use super::message::{SendMessage, SentMessage};
use crate::app_shares::AppShares;
use crate::ids::{AppId, ClientId, MessageId, SessionId};
use crate::timestamp::Timestamp;

/// What the wills of an app may take on this node, those that are being delivered included, in bytes.
pub const APP_WILL_BYTES: usize = 16 * 1024 * 1024;

/// What a will takes besides its texts: keys, ids, times.
const WILL_BYTES: usize = 600;

/// Wills of an app that are delivered at a time. Each may wait for a hook.
const DELIVERED_AT_A_TIME: usize = 16;

/// The wills of the clients of this node, one for each client.
#[derive(Debug)]
pub struct Wills {
    held: Mutex<HashMap<(AppId, ClientId), Will>>,
    shares: AppShares,
    turns: AppShares,
}

/// A message that was acknowledged, and is held.
#[derive(Debug)]
pub struct Will {
    pub(super) author: Author,
    pub(super) message: SendMessage,
    pub(super) sent: SentMessage,
    /// Its part of [`APP_WILL_BYTES`].
    _share: OwnedSemaphorePermit,
}

/// Who set a will.
#[derive(Clone, Debug)]
pub(super) struct Author {
    pub(super) app: AppId,
    pub(super) client: ClientId,
    /// The one that set it last.
    pub(super) session: SessionId,
    pub(super) address: IpAddr,
}

/// Why a will is not held.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum NotHeld {
    /// Its session ended meanwhile.
    #[error("the session has ended")]
    Ended,
    /// The app has no room for more.
    #[error("the will messages of the app take {APP_WILL_BYTES} bytes already, and there may be no more")]
    NoRoom,
}

impl Default for Wills {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
            shares: AppShares::new(APP_WILL_BYTES),
            turns: AppShares::new(DELIVERED_AT_A_TIME),
        }
    }
}

impl Wills {
    /// Holds a will in place of an earlier one of its client. One that is sent again is the same (P-84). `is_online` says
    /// whether its session is online still; it is asked under the lock that the session's end takes.
    pub(super) fn hold(
        &self,
        author: Author,
        message: SendMessage,
        is_online: impl FnOnce() -> bool,
    ) -> Result<SentMessage, NotHeld> {
        let bytes = u32::try_from(bytes_of(&message)).unwrap_or(u32::MAX);
        let share = self.shares.of(&author.app).try_acquire_many_owned(bytes);
        let key = (author.app.clone(), author.client.clone());
        let mut held = self.held();
        if !is_online() {
            return Err(NotHeld::Ended);
        }
        if let Some(same) = held.get_mut(&key).filter(|earlier| is_same(&earlier.message, &message)) {
            same.author = author;
            return Ok(same.sent.clone());
        }
        let share = share.map_err(|_| NotHeld::NoRoom)?;
        let (id, timestamp) = (MessageId::generate(), Timestamp::now());
        let sent = SentMessage { id, timestamp, conversation: message.conversation.clone() };
        held.insert(key, Will { author, message, sent: sent.clone(), _share: share });
        Ok(sent)
    }

    /// Takes the will that a session leaves with its end. `None` when it has set none, or another session of its client has set
    /// another one since. The session must be offline before.
    pub(crate) fn take(&self, app: &AppId, client: &ClientId, session: SessionId) -> Option<Will> {
        let key = (app.clone(), client.clone());
        let mut held = self.held();
        held.get(&key).is_some_and(|will| will.author.session == session).then(|| held.remove(&key)).flatten()
    }

    /// Forgets an app that was deleted.
    pub(crate) fn forget_app(&self, app: &AppId) {
        self.held().retain(|(of_app, _), _| of_app != app);
    }

    /// The turns of an app to deliver wills.
    pub(super) fn turns(&self, app: &AppId) -> Arc<Semaphore> {
        self.turns.of(app)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<(AppId, ClientId), Will>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_same(one: &SendMessage, other: &SendMessage) -> bool {
    let token = |message: &SendMessage| message.deduplication_token.clone().filter(|token| !token.is_empty());
    one.conversation == other.conversation && token(one).is_some() && token(one) == token(other)
}

fn bytes_of(message: &SendMessage) -> usize {
    let ids = message.mentions.iter().map(|client| size_of::<ClientId>() + client.as_str().len()).sum::<usize>();
    let token = message.deduplication_token.as_ref().map_or(0, String::len);
    WILL_BYTES + content::size(&message.body) + ids + 2 * message.conversation.as_str().len() + token
}
