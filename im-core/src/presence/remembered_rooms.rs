//! The chat rooms of sessions that were lost, for when their clients come back (S-9).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Session;
use crate::ids::{AppId, ClientId, ConversationId, DeviceId};

/// A client that comes back within this time is in its room again.
pub const ROOM_REMEMBERED_FOR: Duration = Duration::from_mins(30);

/// Lost sessions of one app whose rooms are remembered; beyond it the oldest are forgotten. About 500 bytes each.
pub const ROOMS_REMEMBERED: usize = 10_000;

/// Where clients were when they were lost.
#[derive(Debug, Default)]
pub struct RememberedRooms {
    apps: Mutex<HashMap<AppId, OfApp>>,
}

#[derive(Debug, Default)]
struct OfApp {
    /// Of each client, oldest first.
    lost: HashMap<ClientId, Vec<Lost>>,
    by_age: BTreeMap<u64, (Instant, ClientId)>,
    next: u64,
}

#[derive(Debug)]
struct Lost {
    number: u64,
    device: Option<DeviceId>,
    room: ConversationId,
}

impl RememberedRooms {
    /// A session was lost in this room.
    pub fn remember(&self, session: &Session, room: &ConversationId) {
        let mut apps = self.lock();
        let of_app = apps.entry(session.app.clone()).or_default();
        of_app.take(&session.client, |lost| lost.device == session.device);
        while of_app.by_age.len() >= ROOMS_REMEMBERED {
            of_app.forget_oldest();
        }
        of_app.forget_old();
        let number = of_app.next;
        of_app.next += 1;
        of_app.by_age.insert(number, (Instant::now(), session.client.clone()));
        let lost = Lost { number, device: session.device.clone(), room: room.clone() };
        of_app.lost.entry(session.client.clone()).or_default().push(lost);
    }

    /// Takes the room that a session comes back to when it logs in: the one of its device, or the last one of its client where
    /// this is a login of its own and no reconnect of a device.
    pub fn recall(&self, session: &Session, is_reconnect: bool) -> Option<ConversationId> {
        let mut apps = self.lock();
        let of_app = apps.get_mut(&session.app)?;
        of_app.forget_old();
        let of_device = of_app.take(&session.client, |lost| lost.device == session.device);
        let room = match of_device {
            None if !is_reconnect => of_app.take(&session.client, |_| true),
            of_device => of_device,
        };
        if of_app.by_age.is_empty() {
            apps.remove(&session.app);
        }
        room
    }

    /// The client has left this room itself.
    pub fn forget(&self, app: &AppId, client: &ClientId, room: &ConversationId) {
        let mut apps = self.lock();
        let Some(of_app) = apps.get_mut(app) else { return };
        while of_app.take(client, |lost| lost.room == *room).is_some() {}
    }

    /// Forgets an app that was deleted.
    pub fn forget_app(&self, app: &AppId) {
        self.lock().remove(app);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AppId, OfApp>> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfApp {
    /// Takes the newest place of a client that is wanted.
    fn take(&mut self, client: &ClientId, is_wanted: impl Fn(&Lost) -> bool) -> Option<ConversationId> {
        let of_client = self.lost.get_mut(client)?;
        let position = of_client.iter().rposition(is_wanted)?;
        let lost = of_client.remove(position);
        if of_client.is_empty() {
            self.lost.remove(client);
        }
        self.by_age.remove(&lost.number);
        Some(lost.room)
    }

    fn forget_old(&mut self) {
        let now = Instant::now();
        let is_old = |at: Instant| now.duration_since(at) >= ROOM_REMEMBERED_FOR;
        while self.by_age.first_key_value().is_some_and(|(_, (at, _))| is_old(*at)) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((number, (_, client))) = self.by_age.pop_first() {
            self.take(&client, |lost| lost.number == number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ROOM_REMEMBERED_FOR, ROOMS_REMEMBERED, RememberedRooms};
    use crate::ids::{AppId, ClientId, ConnectionId, ConversationId, DeviceId, SessionId};
    use crate::presence::Session;

    fn session(client: &str, device: &str) -> Session {
        let mut session = Session::new(SessionId(1), AppId::new("demo"), ClientId::new(client), ConnectionId(1));
        session.device = Some(DeviceId::new(device));
        session
    }

    fn room(name: &str) -> ConversationId {
        ConversationId::new(name)
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_session_is_remembered_once_and_for_half_an_hour() {
        let (rooms, phone) = (RememberedRooms::default(), session("tom", "phone"));
        rooms.remember(&phone, &room("a"));
        rooms.remember(&phone, &room("b"));
        assert_eq!(rooms.recall(&phone, true), Some(room("b")));
        assert_eq!(rooms.recall(&phone, true), None);
        rooms.remember(&phone, &room("a"));
        tokio::time::advance(ROOM_REMEMBERED_FOR - Duration::from_millis(1)).await;
        assert_eq!(rooms.recall(&session("jerry", "phone"), false), None);
        assert_eq!(rooms.recall(&phone, false), Some(room("a")));
        rooms.remember(&phone, &room("a"));
        tokio::time::advance(ROOM_REMEMBERED_FOR).await;
        assert_eq!(rooms.recall(&phone, true), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reconnect_comes_back_to_its_own_room_only() {
        let (rooms, phone, desk) = (RememberedRooms::default(), session("tom", "phone"), session("tom", "desk"));
        rooms.remember(&phone, &room("a"));
        assert_eq!(rooms.recall(&desk, true), None);
        assert_eq!(rooms.recall(&desk, false), Some(room("a")));
        rooms.remember(&phone, &room("a"));
        rooms.remember(&desk, &room("a"));
        rooms.forget(&phone.app, &phone.client, &room("a"));
        assert_eq!(rooms.recall(&phone, false), None);
    }

    /// A client that is lost without end.
    #[tokio::test(start_paused = true)]
    async fn the_memory_of_an_app_is_bounded() {
        let rooms = RememberedRooms::default();
        for number in 0..2 * ROOMS_REMEMBERED {
            rooms.remember(&session("tom", &number.to_string()), &room("a"));
        }
        let count = || rooms.lock().values().map(|of_app| of_app.by_age.len()).sum::<usize>();
        assert_eq!(count(), ROOMS_REMEMBERED);
        assert_eq!(rooms.recall(&session("tom", "0"), true), None);
        let last = (2 * ROOMS_REMEMBERED - 1).to_string();
        assert_eq!(rooms.recall(&session("tom", &last), true), Some(room("a")));
        rooms.forget_app(&AppId::new("demo"));
        assert_eq!(count(), 0);
    }
}
