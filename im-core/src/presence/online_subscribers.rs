//! The sessions of this node whose clients subscribe to service conversations (S-10).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Session;
use crate::ids::{AppId, ClientId, ConversationId, SessionId};
use crate::keyed_locks::{KeyedGuard, KeyedLocks};
use crate::timestamp::Timestamp;

/// Whose sessions get what is sent to all subscribers. The store knows the subscriptions: here are those of the sessions that are
/// online, so that a message costs as many steps as there are receivers.
#[derive(Debug, Default)]
pub struct OnlineSubscribers {
    state: RwLock<State>,
    turns: KeyedLocks<(AppId, ClientId)>,
}

type Sessions = HashMap<SessionId, (Arc<Session>, Timestamp)>;

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<(AppId, ConversationId), Sessions>,
    of_session: HashMap<SessionId, Vec<ConversationId>>,
}

impl OnlineSubscribers {
    /// Held while subscriptions of a client change, and while a log-in reads them: it would find what was before.
    pub async fn turn(&self, app: &AppId, client: &ClientId) -> KeyedGuard<'_, (AppId, ClientId)> {
        self.turns.lock_key((app.clone(), client.clone())).await
    }

    /// A session that has logged in gets what is sent to these conversations.
    pub fn log_in(&self, session: &Arc<Session>, subscriptions: &[ConversationId]) {
        let mut state = self.write();
        subscriptions.iter().for_each(|conversation| state.insert(session, conversation, session.opened_at));
    }

    /// A session gets what is sent to these conversations, and to no other ones, from now on.
    pub fn set(&self, session: &Arc<Session>, subscriptions: &[ConversationId]) {
        let (mut state, now) = (self.write(), Timestamp::now());
        let before = state.of_session.get(&session.id).cloned().unwrap_or_default();
        for gone in before.iter().filter(|conversation| !subscriptions.contains(conversation)) {
            state.remove(session, gone);
        }
        subscriptions.iter().for_each(|conversation| state.insert(session, conversation, now));
    }

    /// So do these sessions of a client that subscribes from now on.
    pub fn add(&self, sessions: &[Arc<Session>], conversation: &ConversationId) {
        let (mut state, now) = (self.write(), Timestamp::now());
        sessions.iter().for_each(|session| state.insert(session, conversation, now));
    }

    /// These get nothing of the conversation any more.
    pub fn remove(&self, sessions: &[Arc<Session>], conversation: &ConversationId) {
        let mut state = self.write();
        sessions.iter().for_each(|session| state.remove(session, conversation));
    }

    /// Forgets a session that has ended.
    pub(super) fn end(&self, session: &Session) {
        let mut state = self.write();
        for conversation in state.of_session.remove(&session.id).unwrap_or_default() {
            state.take_out(session, &conversation);
        }
    }

    /// Shows each session of the subscribers, and since when it is one.
    pub fn each_session(&self, app: &AppId, conversation: &ConversationId, mut show: impl FnMut(&Session, Timestamp)) {
        let state = self.read();
        let sessions = state.sessions.get(&(app.clone(), conversation.clone())).into_iter().flat_map(HashMap::values);
        sessions.for_each(|(session, since)| show(session, *since));
    }

    /// Forgets the sessions of an app, which have ended.
    pub(crate) fn forget_app(&self, app: &AppId) {
        let mut state = self.write();
        let State { sessions, of_session } = &mut *state;
        for (_, sessions) in sessions.extract_if(|(of, _), _| of == app) {
            sessions.keys().for_each(|session| drop(of_session.remove(session)));
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn insert(&mut self, session: &Arc<Session>, conversation: &ConversationId, since: Timestamp) {
        // Who ends a session marks it first, and comes here after that.
        if session.has_ended() {
            return;
        }
        let sessions = self.sessions.entry((session.app.clone(), conversation.clone())).or_default();
        if let Entry::Vacant(place) = sessions.entry(session.id) {
            place.insert((session.clone(), since));
            self.of_session.entry(session.id).or_default().push(conversation.clone());
        }
    }

    fn remove(&mut self, session: &Session, conversation: &ConversationId) {
        self.take_out(session, conversation);
        if let Entry::Occupied(mut of_session) = self.of_session.entry(session.id) {
            of_session.get_mut().retain(|of| of != conversation);
            if of_session.get().is_empty() {
                of_session.remove();
            }
        }
    }

    fn take_out(&mut self, session: &Session, conversation: &ConversationId) {
        let key = (session.app.clone(), conversation.clone());
        let Entry::Occupied(mut sessions) = self.sessions.entry(key) else { return };
        sessions.get_mut().remove(&session.id);
        if sessions.get().is_empty() {
            sessions.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::OnlineSubscribers;
    use crate::ids::{AppId, ClientId, ConnectionId, ConversationId, SessionId};
    use crate::presence::Session;

    fn session(id: u64, client: &str) -> Arc<Session> {
        Arc::new(Session::new(SessionId(id), AppId::new("demo"), ClientId::new(client), ConnectionId(id)))
    }

    fn shown(subscribers: &OnlineSubscribers, conversation: &ConversationId) -> Vec<u64> {
        let mut shown = Vec::new();
        subscribers.each_session(&AppId::new("demo"), conversation, |session, _| shown.push(session.id.0));
        shown.sort_unstable();
        shown
    }

    #[test]
    fn what_comes_and_goes_leaves_nothing_behind() {
        let subscribers = OnlineSubscribers::default();
        let (news, weather) = (ConversationId::new("news"), ConversationId::new("weather"));
        let (phone, desk, other) = (session(1, "tom"), session(2, "tom"), session(3, "jerry"));
        subscribers.log_in(&phone, &[news.clone(), weather.clone()]);
        subscribers.add(&[phone.clone(), desk.clone()], &news);
        subscribers.log_in(&other, std::slice::from_ref(&news));
        assert_eq!((shown(&subscribers, &news), shown(&subscribers, &weather)), (vec![1, 2, 3], vec![1]));
        subscribers.remove(&[phone.clone(), desk.clone()], &news);
        assert_eq!(shown(&subscribers, &news), [3]);
        subscribers.set(&other, std::slice::from_ref(&weather));
        assert_eq!((shown(&subscribers, &news), shown(&subscribers, &weather)), (vec![], vec![1, 3]));
        phone.end();
        subscribers.end(&phone);
        subscribers.log_in(&phone, std::slice::from_ref(&news));
        assert_eq!(shown(&subscribers, &weather), [3], "it has ended");
        subscribers.forget_app(&AppId::new("demo"));
        let state = subscribers.read();
        assert!(state.sessions.is_empty() && state.of_session.is_empty());
    }
}
