//! What a conversation holds about clients beside its members.

use std::collections::HashSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Conversation, StoreError};
use crate::error::{Code, Refusal};
use crate::ids::{AppId, ClientId, ConversationId};

/// What a client may not do in a conversation. Each one is a list of its own (S-130).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Restriction {
    /// Send (S-125). The client still gets what others send.
    Silenced,
}

/// Clients of a conversation that have a restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restricted {
    /// Those among the clients that were asked about.
    pub named: HashSet<ClientId>,
    /// The number of all of them.
    pub in_all: usize,
}

/// A conversation, and what it holds about some clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The conversation.
    pub conversation: Conversation,
    /// Those that may not send.
    pub silenced: Restricted,
}

impl Standing {
    /// The standing of clients about which the conversation holds nothing.
    pub fn bare(conversation: Conversation) -> Self {
        Self { conversation, silenced: Restricted::default() }
    }

    /// Those that have a restriction.
    pub fn restricted(&self, restriction: Restriction) -> &Restricted {
        match restriction {
            Restriction::Silenced => &self.silenced,
        }
    }

    /// The same, to be filled.
    pub fn restricted_mut(&mut self, restriction: Restriction) -> &mut Restricted {
        match restriction {
            Restriction::Silenced => &mut self.silenced,
        }
    }
}

/// Clients for which a request was not carried out, all for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedMembers {
    /// The reason.
    pub code: Code,
    /// Text for people.
    pub detail: Option<String>,
    /// The clients.
    pub members: Vec<ClientId>,
}

/// A change of what a conversation holds about clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandingChange {
    /// These clients get a restriction that they do not have.
    Restrict(Restriction, Vec<ClientId>),
    /// These clients lose a restriction that they have.
    Lift(Restriction, Vec<ClientId>),
}

impl StandingChange {
    /// The clients that it is about; nothing changes where there are none.
    pub fn clients(&self) -> &[ClientId] {
        match self {
            Self::Restrict(_, clients) | Self::Lift(_, clients) => clients,
        }
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingDecision {
    /// What is written.
    pub change: StandingChange,
    /// The clients that it is refused for.
    pub failed: Vec<FailedMembers>,
}

/// Decides, from the standing under the conversation's lock, what becomes of a request. A refusal changes nothing.
pub type DecideStanding = Box<dyn FnOnce(&Standing) -> Result<StandingDecision, Refusal> + Send>;

/// A change that was made, or that there was nothing to do for.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedStanding {
    /// As it was decided.
    pub decision: StandingDecision,
    /// The conversation after it.
    pub conversation: Conversation,
}

/// A part of a list of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPage {
    /// Those whose ids come after this text, in the order of their bytes; absent: from the first.
    pub after: Option<String>,
    /// So many at most.
    pub limit: u32,
}

/// What conversations hold about clients.
#[async_trait]
pub trait Standings: Send + Sync + 'static {
    /// The conversation with the standing of `clients`; `None` when it does not exist. What is held is never older than the
    /// [`Conversation::standing_version`] with it.
    async fn standing(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        clients: &[ClientId],
    ) -> Result<Option<Standing>, StoreError>;

    /// Changes under the conversation's lock what it holds about clients, and counts the change; `clients` are those whose
    /// standing is needed to decide. `None` when the conversation does not exist.
    async fn change_standing(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        clients: &[ClientId],
        decide: DecideStanding,
    ) -> Result<Option<Result<ChangedStanding, Refusal>>, StoreError>;

    /// Clients that have a restriction, in the order of the bytes of their ids; none where the conversation does not exist.
    async fn restricted_clients(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        restriction: Restriction,
        page: &ClientPage,
    ) -> Result<Vec<ClientId>, StoreError>;
}
