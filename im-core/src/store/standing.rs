//! What a conversation holds about clients beside its members.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{CallFor, Conversation, FailedMembers, MembershipChange, StoreError, StoredCall};
use crate::error::Refusal;
use crate::ids::{AppId, ClientId, ConversationId};
use crate::timestamp::Timestamp;

/// What a client may not do in a conversation. Each one is a list of its own (S-130).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Restriction {
    /// Send (S-125). The client still gets what others send.
    Silenced,
    /// Be in it (S-127).
    Blocked,
}

/// Clients of a conversation that have a restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restricted {
    /// Those among the clients that were asked about.
    pub named: HashSet<ClientId>,
    /// The number of all of them.
    pub in_all: usize,
}

/// A role that is stored. The owner of a conversation is its creator, and every client without a role is a member (S-123).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Acts on members.
    Manager,
    /// Acts on nobody.
    Member,
}

impl Role {
    /// As on the wire and in `_ConversationMemberInfo`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manager => "Manager",
            Self::Member => "Member",
        }
    }

    /// The reverse of [`Self::name`].
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Manager, Self::Member].into_iter().find(|role| role.name() == name)
    }
}

/// A row of `_ConversationMemberInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberInfo {
    /// `objectId`; the first one of a client stays.
    pub id: String,
    /// `clientId`.
    pub client: ClientId,
    /// `role`.
    pub role: Role,
}

/// A conversation, and what it holds about some clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The conversation.
    pub conversation: Conversation,
    /// Those that may not send.
    pub silenced: Restricted,
    /// Those that may not be in it.
    pub blocked: Restricted,
    /// Those that may not send for a time which is not over (S-126).
    pub silenced_for_a_time: Restricted,
    /// Those among the clients that were asked about that refuse to be added by others (S-128).
    pub refusing: HashSet<ClientId>,
    /// Stored roles of the clients that were asked about.
    pub roles: HashMap<ClientId, Role>,
    /// A role is stored for some client (P-69).
    pub has_roles: bool,
}

impl Standing {
    /// The standing of clients about which the conversation holds nothing.
    pub fn bare(conversation: Conversation) -> Self {
        let none = Restricted::default;
        Self {
            conversation,
            silenced: none(),
            blocked: none(),
            silenced_for_a_time: none(),
            refusing: HashSet::new(),
            roles: HashMap::new(),
            has_roles: false,
        }
    }

    /// Those that have a restriction.
    pub fn restricted(&self, restriction: Restriction) -> &Restricted {
        match restriction {
            Restriction::Silenced => &self.silenced,
            Restriction::Blocked => &self.blocked,
        }
    }

    /// The same, to be filled.
    pub fn restricted_mut(&mut self, restriction: Restriction) -> &mut Restricted {
        match restriction {
            Restriction::Silenced => &mut self.silenced,
            Restriction::Blocked => &mut self.blocked,
        }
    }
}

/// A change of what a conversation holds about clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandingChange {
    /// These clients get a restriction that they do not have. Members among them that are blocked are removed.
    Restrict(Restriction, Vec<ClientId>),
    /// These clients lose a restriction that they have.
    Lift(Restriction, Vec<ClientId>),
    /// This client may not send until this time, whatever held before.
    SilenceUntil(ClientId, Timestamp),
    /// The silence of this client that is for a time ends.
    EndSilence(ClientId),
    /// This client gets a role.
    SetRole(MemberInfo),
}

impl StandingChange {
    /// The clients that it is about; nothing changes where there are none.
    pub fn clients(&self) -> &[ClientId] {
        match self {
            Self::Restrict(_, clients) | Self::Lift(_, clients) => clients,
            Self::SilenceUntil(client, _) | Self::EndSilence(client) => std::slice::from_ref(client),
            Self::SetRole(info) => std::slice::from_ref(&info.client),
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
    /// Present where members were removed with it.
    pub removal: Option<Removal>,
}

/// Members that were removed together with another change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Those that were members, in the order of the request.
    pub members: Vec<ClientId>,
    /// The number of the stored event.
    pub sequence: u64,
    /// What became of its call.
    pub call: StoredCall,
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
    /// standing is needed to decide, and `by` is the acting one. `call` is for when members are removed. `None` when the
    /// conversation does not exist.
    async fn change_standing(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        (by, clients): (&ClientId, &[ClientId]),
        decide: DecideStanding,
        call: Option<CallFor<MembershipChange>>,
    ) -> Result<Option<Result<ChangedStanding, Refusal>>, StoreError>;

    /// The stored roles of a conversation; none where it does not exist.
    async fn member_infos(&self, app: &AppId, conversation: &ConversationId) -> Result<Vec<MemberInfo>, StoreError>;

    /// Clients that have a restriction, in the order of the bytes of their ids; none where the conversation does not exist.
    async fn restricted_clients(
        &self,
        app: &AppId,
        conversation: &ConversationId,
        restriction: Restriction,
        page: &ClientPage,
    ) -> Result<Vec<ClientId>, StoreError>;
}
