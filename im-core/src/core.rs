//! The parts that the use cases share.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actor::Actor;
use crate::app::{AppDirectory, ImSettings};
use crate::client_rates::ClientRates;
use crate::delivery::Delivery;
use crate::error::{Code, RequestError};
use crate::hooks::{AppSettings, HookCaller, HookEngine, SettingsError};
use crate::ids::{AppId, ConversationId, NodeId};
use crate::keyed_locks::{ConversationGuard, ConversationLocks};
use crate::messages::{MemberCache, RecentSends, Wills};
use crate::presence::{ChatRooms, OnlineSessions, OnlineSubscribers, Presence, PresenceOfOneNode};
use crate::push::PushGateway;
use crate::store::{Store, StoreError};

/// The IM core of one node. Use cases take it by reference.
pub struct ImCore {
    /// Apps and their secrets.
    pub apps: Arc<dyn AppDirectory>,
    /// What outlives the process.
    pub store: Arc<dyn Store>,
    /// This node.
    pub node: NodeId,
    /// The sessions that are online on this node.
    pub online: Arc<OnlineSessions>,
    /// The chat rooms that they are in.
    pub rooms: Arc<ChatRooms>,
    /// The service conversations that their clients subscribe to.
    pub subscribers: Arc<OnlineSubscribers>,
    /// Those that are online on any node.
    pub presence: Arc<dyn Presence>,
    /// Takes events to them.
    pub delivery: Arc<dyn Delivery>,
    /// What each app has switched.
    pub settings: Arc<AppSettings>,
    /// Calls hooks and applies the failure policy.
    pub hooks: HookCaller,
    /// Commit and fan-out of one conversation happen under its lock.
    pub conversation_locks: ConversationLocks,
    /// The members of conversations that are spoken in.
    pub members: MemberCache,
    /// Answers to messages that clients may send again.
    pub recent_sends: RecentSends,
    /// Messages that wait for the loss of their senders.
    pub wills: Wills,
    /// What clients have asked for in the last minute.
    pub client_rates: ClientRates,
}

impl ImCore {
    /// Puts the core of a node together. `engine` makes the hook calls of all apps, `gateway` takes their pushes. `tasks` runs what outlives a request; the process
    /// waits for it before it ends.
    pub fn new(
        node: NodeId,
        (apps, store): (Arc<dyn AppDirectory>, Arc<dyn Store>),
        (engine, gateway, settings): (Arc<dyn HookEngine>, Arc<dyn PushGateway>, Arc<AppSettings>),
        delivery: Arc<dyn Delivery>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let (online, rooms) = (Arc::new(OnlineSessions::default()), delivery.rooms());
        let subscribers = delivery.subscribers();
        let (tables, targets) = ((apps.clone(), store.clone()), (engine, gateway));
        let hooks = HookCaller::new(node.clone(), tables, targets, settings.clone(), tasks, shutdown);
        Self {
            apps,
            store,
            node,
            presence: Arc::new(PresenceOfOneNode::new(online.clone(), rooms.clone())),
            online,
            rooms,
            subscribers,
            delivery,
            settings,
            hooks,
            conversation_locks: ConversationLocks::default(),
            members: MemberCache::default(),
            recent_sends: RecentSends::default(),
            wills: Wills::default(),
            client_rates: ClientRates::default(),
        }
    }

    /// The core of a node beside others, with the presence that they share.
    #[must_use]
    pub fn with_presence(self, presence: Arc<dyn Presence>) -> Self {
        Self { presence, members: MemberCache::off(), ..self }
    }

    /// Waits for a conversation whose members, or what they may do, are to be changed.
    pub(crate) async fn lock_to_change_members(
        &self,
        app: &AppId,
        conversation: &ConversationId,
    ) -> ConversationGuard<'_> {
        let guard = self.conversation_locks.lock(app, conversation).await;
        self.members.forget(app, conversation, &guard);
        guard
    }

    /// To be asked again after a hook, which may have taken seconds.
    ///
    /// # Errors
    /// 4100 when the app of a request was deleted meanwhile, or switched off.
    pub(crate) fn check_app(&self, actor: &Actor) -> Result<(), RequestError> {
        let id = &actor.app.id;
        let gone = || RequestError::detailed(Code::AppNotAvailable, format!("app `{id}` does not exist any more"));
        self.apps.app(id).map(drop).ok_or_else(gone)?;
        self.check_is_on(id)
    }

    /// As its settings in memory say; a log-in has read them.
    ///
    /// # Errors
    /// 4100 when the app is switched off.
    pub(crate) fn check_is_on(&self, app: &AppId) -> Result<(), RequestError> {
        self.settings.cached(app).map_or(Ok(()), |settings| check_is_on(app, &settings))
    }

    /// Saves settings of an app, and applies them: one that is switched off loses its sessions, with 4100. It must run to its end.
    ///
    /// # Errors
    /// Those of [`AppSettings::update`].
    pub async fn change_settings(&self, app: &AppId, settings: ImSettings) -> Result<Arc<ImSettings>, SettingsError> {
        let settings = self.settings.update(app, settings).await?;
        if !settings.im_enabled {
            // Their sockets end them, as those of lost clients.
            self.delivery.close_app(app);
        }
        Ok(settings)
    }

    /// Forgets an app that was deleted: closes its sessions, with 4100, and throws its queued hook calls away. Its
    /// conversations and messages stay in the store. To be called for an app that was deleted on purpose, never for one that
    /// is only missing.
    ///
    /// # Errors
    /// The store keeps calls of the app: it is to be forgotten again later.
    pub async fn forget_app(&self, app: &AppId) -> Result<(), StoreError> {
        let closed = self.online.remove_app(app);
        self.rooms.forget_app(app);
        self.subscribers.forget_app(app);
        self.presence.end_app(app);
        self.delivery.close_app(app);
        self.members.forget_app(app);
        self.recent_sends.forget_app(app);
        self.wills.forget_app(app);
        self.client_rates.forget_app(app);
        self.settings.forget_app(app);
        tracing::info!(%app, sessions = closed, "the app was deleted, its sessions are closed");
        self.hooks.forget_app(app).await
    }
}

/// # Errors
/// 4100 when these settings switch the app off.
pub(crate) fn check_is_on(app: &AppId, settings: &ImSettings) -> Result<(), RequestError> {
    match settings.im_enabled {
        true => Ok(()),
        false => Err(RequestError::detailed(Code::AppNotAvailable, format!("app `{app}` is switched off"))),
    }
}
