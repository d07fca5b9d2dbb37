//! A delivery that keeps what each socket would get.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use hookd_im_core::actor::Origin;
use hookd_im_core::delivery::{Delivery, Event, Recipient};
use hookd_im_core::ids::{AppId, ConnectionId, SessionId};
use hookd_im_core::presence::{ChatRooms, OnlineSubscribers, Session};
use hookd_im_core::timestamp::Timestamp;

/// A push to one session, and whether it waits for the reply of the request that caused it.
#[derive(Debug)]
pub struct Push {
    pub session: SessionId,
    pub event: Event,
    pub after_reply: bool,
}

#[derive(Default)]
pub struct RecordedDelivery {
    state: Mutex<State>,
    rooms: Arc<ChatRooms>,
    subscribers: Arc<OnlineSubscribers>,
}

#[derive(Default)]
struct State {
    sessions: Vec<Arc<Session>>,
    pushes: HashMap<ConnectionId, Vec<Push>>,
}

impl RecordedDelivery {
    pub fn attach(&self, session: Arc<Session>) {
        self.state.lock().unwrap().sessions.push(session);
    }

    /// The pushes to a socket since the last look.
    pub fn take(&self, connection: ConnectionId) -> Vec<Push> {
        self.state.lock().unwrap().pushes.remove(&connection).unwrap_or_default()
    }
}

fn is_for(session: &Session, recipient: Recipient<'_>, (rooms, subscribers): (&ChatRooms, &OnlineSubscribers)) -> bool {
    match recipient {
        Recipient::Client(client) => session.client == *client && !session.has_ended(),
        Recipient::OtherSessions { client, than } => {
            session.client == *client && !session.has_ended() && Some(session.id) != than
        }
        Recipient::Session { session: id, .. } => session.id == id,
        Recipient::Room { room, except } => {
            session.client != *except && !session.has_ended() && rooms.room_of(session.id).as_ref() == Some(room)
        }
        Recipient::Subscribers { conversation, except } => {
            let mut is_one = false;
            let look = |subscriber: &Session, _| is_one |= subscriber.id == session.id;
            subscribers.each_session(&session.app, conversation, look);
            session.client != *except && !session.has_ended() && is_one
        }
    }
}

impl Delivery for RecordedDelivery {
    fn deliver(&self, app: &AppId, recipients: &[Recipient<'_>], event: &Event, origin: Option<Origin>) {
        let mut state = self.state.lock().unwrap();
        let State { sessions, pushes } = &mut *state;
        let asking = sessions.iter().find(|session| origin.is_some_and(|origin| origin.session == session.id));
        let connection = asking.map(|session| session.connection);
        for recipient in recipients {
            let registries = (&*self.rooms, &*self.subscribers);
            for session in
                sessions.iter().filter(|session| session.app == *app && is_for(session, *recipient, registries))
            {
                let after_reply = connection == Some(session.connection);
                let push = Push { session: session.id, event: event.clone(), after_reply };
                pushes.entry(session.connection).or_default().push(push);
            }
        }
    }

    fn deliver_late(
        &self,
        app: &AppId,
        recipients: &[Recipient<'_>],
        event: &Event,
        origin: Option<Origin>,
        _: Timestamp,
    ) {
        self.deliver(app, recipients, event, origin);
    }

    fn rooms(&self) -> Arc<ChatRooms> {
        self.rooms.clone()
    }

    fn subscribers(&self) -> Arc<OnlineSubscribers> {
        self.subscribers.clone()
    }

    fn close_app(&self, _: &AppId) {}
}
