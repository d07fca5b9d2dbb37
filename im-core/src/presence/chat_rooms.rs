//! The sessions of this node that are in chat rooms (S-9).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rand::seq::IteratorRandom as _;

use super::Session;
use crate::ids::{AppId, ClientId, ConversationId, SessionId};
use crate::timestamp::Timestamp;

/// Who is in which chat room. A session is in one at most, and an ended one in none.
#[derive(Debug, Default)]
pub struct ChatRooms {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    rooms: HashMap<(AppId, ConversationId), Room>,
    room_of: HashMap<SessionId, ConversationId>,
}

#[derive(Debug, Default)]
struct Room {
    sessions: HashMap<SessionId, (Arc<Session>, Timestamp)>,
    /// How many of the sessions each client has.
    clients: HashMap<ClientId, usize>,
}

/// What became of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// The session is in the room now, and in no other one.
    Joined,
    /// It was in the room before.
    WasThere,
    /// It has ended.
    SessionEnded,
}

impl ChatRooms {
    /// Puts a session into a room; it leaves the one before. `joined` is called in the order of all changes, and may not wait.
    pub fn join(&self, session: &Arc<Session>, room: &ConversationId, joined: impl FnOnce()) -> Joining {
        let mut state = self.write();
        // Who ends a session marks it first, and comes here after that.
        if session.has_ended() {
            return Joining::SessionEnded;
        }
        if state.room_of.get(&session.id) == Some(room) {
            return Joining::WasThere;
        }
        state.take_out(session);
        state.room_of.insert(session.id, room.clone());
        let members = state.rooms.entry((session.app.clone(), room.clone())).or_default();
        members.sessions.insert(session.id, (session.clone(), Timestamp::now()));
        *members.clients.entry(session.client.clone()).or_default() += 1;
        joined();
        Joining::Joined
    }

    /// Takes a session out of this room; false when it is not there. `left` as in [`Self::join`].
    pub fn leave(&self, session: &Session, room: &ConversationId, left: impl FnOnce()) -> bool {
        let mut state = self.write();
        let is_there = state.room_of.get(&session.id) == Some(room);
        if is_there {
            state.take_out(session);
            left();
        }
        is_there
    }

    /// Takes a session that has ended out of its room, if it is in one. `left` as in [`Self::join`].
    pub(super) fn end(&self, session: &Session, left: impl FnOnce(&ConversationId)) {
        let mut state = self.write();
        if let Some(room) = state.take_out(session) {
            left(&room);
        }
    }

    /// The room that a session is in.
    pub fn room_of(&self, session: SessionId) -> Option<ConversationId> {
        self.read().room_of.get(&session).cloned()
    }

    /// True when a session of the client is in the room.
    pub fn has_client(&self, app: &AppId, room: &ConversationId, client: &ClientId) -> bool {
        self.with_room(app, room, |room| room.clients.contains_key(client)).unwrap_or(false)
    }

    /// Clients that are in a room.
    pub fn count(&self, app: &AppId, room: &ConversationId) -> usize {
        self.with_room(app, room, |room| room.clients.len()).unwrap_or(0)
    }

    /// Some clients of a room at random, at most `limit`.
    pub fn sample(&self, app: &AppId, room: &ConversationId, limit: usize) -> Vec<ClientId> {
        let sample = |room: &Room| room.clients.keys().cloned().sample(&mut rand::rng(), limit);
        self.with_room(app, room, sample).unwrap_or_default()
    }

    /// Shows each session of a room, and since when it is there.
    pub fn each_session(&self, app: &AppId, room: &ConversationId, mut show: impl FnMut(&Session, Timestamp)) {
        self.with_room(app, room, |room| room.sessions.values().for_each(|(session, since)| show(session, *since)));
    }

    /// Empties the rooms of an app whose sessions have ended.
    pub(crate) fn forget_app(&self, app: &AppId) {
        let mut state = self.write();
        let State { rooms, room_of } = &mut *state;
        for (_, room) in rooms.extract_if(|(of, _), _| of == app) {
            room.sessions.keys().for_each(|session| drop(room_of.remove(session)));
        }
    }

    fn with_room<T>(&self, app: &AppId, room: &ConversationId, look: impl FnOnce(&Room) -> T) -> Option<T> {
        self.read().rooms.get(&(app.clone(), room.clone())).map(look)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Answers the room that the session was in.
    fn take_out(&mut self, session: &Session) -> Option<ConversationId> {
        let room = self.room_of.remove(&session.id)?;
        let Entry::Occupied(mut members) = self.rooms.entry((session.app.clone(), room.clone())) else {
            return Some(room);
        };
        members.get_mut().sessions.remove(&session.id);
        if let Entry::Occupied(mut sessions) = members.get_mut().clients.entry(session.client.clone()) {
            *sessions.get_mut() = sessions.get().saturating_sub(1);
            if *sessions.get() == 0 {
                sessions.remove();
            }
        }
        if members.get().sessions.is_empty() {
            members.remove();
        }
        Some(room)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{ChatRooms, Joining};
    use crate::ids::{AppId, ClientId, ConnectionId, ConversationId, SessionId};
    use crate::presence::Session;

    fn app() -> AppId {
        AppId::new("demo")
    }

    fn session(id: u64, client: &str) -> Arc<Session> {
        Arc::new(Session::new(SessionId(id), app(), ClientId::new(client), ConnectionId(id)))
    }

    fn room(name: &str) -> ConversationId {
        ConversationId::new(name)
    }

    fn sizes(rooms: &ChatRooms) -> [usize; 2] {
        [rooms.count(&app(), &room("a")), rooms.count(&app(), &room("b"))]
    }

    #[test]
    fn a_session_is_in_one_room_and_a_client_counts_once() {
        let (rooms, phone, desk) = (ChatRooms::default(), session(1, "tom"), session(2, "tom"));
        assert_eq!(rooms.join(&phone, &room("a"), || ()), Joining::Joined);
        assert_eq!(rooms.join(&phone, &room("a"), || panic!("nothing changes")), Joining::WasThere);
        rooms.join(&desk, &room("a"), || ());
        assert_eq!(sizes(&rooms), [1, 0]);
        rooms.join(&phone, &room("b"), || ());
        assert_eq!(sizes(&rooms), [1, 1]);
        assert!(!rooms.leave(&phone, &room("a"), || panic!("it is not there")));
        assert!(rooms.leave(&desk, &room("a"), || ()));
        assert_eq!(sizes(&rooms), [0, 1]);
        assert!(!rooms.has_client(&app(), &room("a"), &ClientId::new("tom")));
    }

    #[test]
    fn what_comes_and_goes_leaves_nothing_behind() {
        let rooms = ChatRooms::default();
        for round in 0..100 {
            let session = session(round, "tom");
            rooms.join(&session, &room("a"), || ());
            rooms.join(&session, &room("b"), || ());
            session.end();
            rooms.end(&session, |left| assert_eq!(*left, room("b")));
            assert_eq!(rooms.join(&session, &room("a"), || ()), Joining::SessionEnded);
        }
        let state = rooms.read();
        assert!(state.rooms.is_empty() && state.room_of.is_empty());
    }

    #[test]
    fn a_sample_is_bounded_and_has_no_client_twice() {
        let rooms = ChatRooms::default();
        let sessions: Vec<_> = (0..200).map(|id| session(id, &format!("client {}", id % 100))).collect();
        for session in &sessions {
            rooms.join(session, &room("a"), || ());
        }
        let mut sample = rooms.sample(&app(), &room("a"), 50);
        sample.sort();
        sample.dedup();
        assert_eq!((sample.len(), rooms.sample(&app(), &room("a"), 500).len()), (50, 100));
        rooms.forget_app(&app());
        assert_eq!((sizes(&rooms), rooms.room_of(SessionId(7))), ([0, 0], None));
    }
}
