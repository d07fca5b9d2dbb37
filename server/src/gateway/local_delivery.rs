//! The way of events to the sockets of this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hookd_im_core::actor::Origin;
use hookd_im_core::delivery::{Delivery, Event, Recipient, UnreadCounts};
use hookd_im_core::error::Code;
use hookd_im_core::hooks::AppSettings;
use hookd_im_core::ids::{AppId, ClientId, ConnectionId, ConversationId, RequestId, SessionId};
use hookd_im_core::presence::{ChatRooms, OnlineSubscribers, Session};
use hookd_im_core::timestamp::Timestamp;

use super::login_events::{LoginEvents, WaitingEvent};
use super::outgoing::{Outgoing, OutgoingSender, QueueFull};
use super::outgoing_rates::{OutgoingRate, OutgoingRates};
use super::reply_gate::ReplyGate;

/// The sessions whose sockets are here, and the requests in work on them.
#[derive(Default)]
pub struct LocalDelivery {
    sessions: RwLock<Sessions>,
    rooms: Arc<ChatRooms>,
    subscribers: Arc<OnlineSubscribers>,
    requests: Mutex<HashMap<RequestId, (ConnectionId, ReplyGate)>>,
    request_ids: AtomicU64,
    rates: OutgoingRates,
    /// Says how many messages an app may send out; `None`: any number.
    settings: Option<Arc<AppSettings>>,
}

#[derive(Default)]
struct Sessions {
    by_client: HashMap<(AppId, ClientId), Vec<Arc<Attached>>>,
    by_id: HashMap<SessionId, Arc<Attached>>,
}

/// A session and the queue of its socket.
struct Attached {
    session: Arc<Session>,
    sender: OutgoingSender,
    wants: Wants,
    login: Mutex<LoginEvents>,
}

/// What a session is told of (P-51).
#[derive(Clone, Copy, Debug)]
pub(super) struct Wants {
    /// Changes of messages; without them it sees these in the history only.
    pub(super) changes: bool,
    /// Everything about temporary conversations.
    pub(super) temporary: bool,
}

/// A request in work, until this is dropped: events that it causes on its own connection wait for its reply (P-8).
pub(super) struct RequestInWork {
    delivery: Arc<LocalDelivery>,
    pub(super) id: RequestId,
    pub(super) gate: ReplyGate,
}

impl Drop for RequestInWork {
    fn drop(&mut self) {
        self.delivery.requests.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl LocalDelivery {
    /// Within the rates of the apps.
    pub fn with_settings(settings: Arc<AppSettings>) -> Self {
        Self { settings: Some(settings), ..Self::default() }
    }

    /// Connects a session with its socket. Its events wait until [`Self::tell_unread`].
    pub(super) fn attach(&self, session: Arc<Session>, sender: OutgoingSender, wants: Wants) {
        let key = (session.app.clone(), session.client.clone());
        let login = Mutex::new(LoginEvents::Waiting(Vec::new()));
        let attached = Arc::new(Attached { session, sender, wants, login });
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.by_id.insert(attached.session.id, attached.clone());
        sessions.by_client.entry(key).or_default().push(attached);
    }

    /// Tells a session what its client has not read, if there is anything, and then what has happened since it was attached
    /// (P-101).
    pub(super) fn tell_unread(&self, session: &Session, counts: Option<UnreadCounts>) {
        let attached = self.sessions.read().unwrap_or_else(PoisonError::into_inner).by_id.get(&session.id).cloned();
        if let Some(attached) = attached
            && attached.tell_unread(counts).is_err()
        {
            attached.sender.close_slow_reader();
        }
    }

    /// Forgets a session that has ended.
    pub(super) fn detach(&self, session: &Session) {
        let key = (session.app.clone(), session.client.clone());
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.by_id.remove(&session.id);
        if let Some(of_client) = sessions.by_client.get_mut(&key) {
            of_client.retain(|attached| attached.session.id != session.id);
            if of_client.is_empty() {
                sessions.by_client.remove(&key);
            }
        }
    }

    /// A request of a connection begins.
    pub(super) fn begin_request(self: &Arc<Self>, connection: ConnectionId) -> RequestInWork {
        let id = RequestId(self.request_ids.fetch_add(1, Ordering::Relaxed));
        let gate = ReplyGate::default();
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.insert(id, (connection, gate.clone()));
        RequestInWork { delivery: self.clone(), id, gate }
    }

    fn request(&self, origin: Origin) -> Option<(ConnectionId, ReplyGate)> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).get(&origin.request).cloned()
    }
}

impl Wants {
    fn is_told_of(self, event: &Event) -> bool {
        let is_temporary = || event.conversation().is_some_and(ConversationId::is_temporary);
        (self.changes || !matches!(event, Event::MessagePatched(_))) && (self.temporary || !is_temporary())
    }
}

impl Attached {
    /// A reader too slow for its queue loses its socket, not the event: its client finds everything in the history after it
    /// reconnects.
    fn push(&self, event: &Event, request: Option<&(ConnectionId, ReplyGate)>) {
        if !self.wants.is_told_of(event) {
            return;
        }
        let gate = request.filter(|(connection, _)| *connection == self.session.connection);
        let gate = gate.map(|(_, gate)| gate.clone());
        if self.try_push(event, gate).is_err() {
            self.sender.close_slow_reader();
        }
    }

    fn try_push(&self, event: &Event, gate: Option<ReplyGate>) -> Result<(), QueueFull> {
        let Some(held) = self.sender.hold(event)? else { return Ok(()) };
        let waiting = WaitingEvent { event: event.clone(), gate, held };
        // Held until it is queued: events keep their order.
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        match login.pass(&self.session.client, waiting) {
            Ok(Some(event)) => self.queue(event),
            Ok(None) => Ok(()),
            Err(_) => Err(QueueFull),
        }
    }

    fn tell_unread(&self, counts: Option<UnreadCounts>) -> Result<(), QueueFull> {
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = login.counted(&self.session.client, counts.as_ref());
        if let Some(counts) = counts {
            let event = Event::Unread(Arc::new(counts));
            let held = self.sender.hold(&event)?.unwrap_or_default();
            self.queue(WaitingEvent { event, gate: None, held })?;
        }
        waited.into_iter().try_for_each(|event| self.queue(event))
    }

    fn queue(&self, WaitingEvent { event, gate, held }: WaitingEvent) -> Result<(), QueueFull> {
        self.sender.send(Outgoing::Event { client: self.session.client.clone(), event, gate, held })
    }

    fn is_for(&self, recipient: Recipient<'_>) -> bool {
        match recipient {
            Recipient::Client(_) => !self.session.has_ended(),
            Recipient::OtherSessions { than, .. } => !self.session.has_ended() && Some(self.session.id) != than,
            // It has just ended, and the event says so.
            Recipient::Session { session, .. } => self.session.id == session,
            Recipient::Room { except, .. } | Recipient::Subscribers { except, .. } => {
                !self.session.has_ended() && self.session.client != *except
            }
        }
    }
}

impl LocalDelivery {
    /// To those sessions of the recipients that are meant: `is_meant` learns since when they are among these.
    fn push(
        &self,
        (app, recipients): (&AppId, &[Recipient<'_>]),
        event: &Event,
        origin: Option<Origin>,
        is_meant: impl Fn(Timestamp) -> bool,
    ) {
        let request = origin.and_then(|origin| self.request(origin));
        let rate = self.settings.as_ref().and_then(|settings| settings.cached(app));
        let rate = rate.and_then(|settings| self.rates.of(app, settings.outgoing_messages_per_second, event));
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        for recipient in recipients {
            let push = |attached: &Arc<Attached>, since: Timestamp| {
                let is_meant = attached.is_for(*recipient) && is_meant(since);
                if is_meant && rate.as_ref().is_none_or(OutgoingRate::lets_through) {
                    attached.push(event, request.as_ref());
                }
            };
            match *recipient {
                Recipient::Room { room, .. } => self.rooms.each_session(app, room, |session, since| {
                    sessions.by_id.get(&session.id).into_iter().for_each(|attached| push(attached, since));
                }),
                Recipient::Subscribers { conversation, .. } => {
                    self.subscribers.each_session(app, conversation, |session, since| {
                        sessions.by_id.get(&session.id).into_iter().for_each(|attached| push(attached, since));
                    });
                }
                Recipient::Client(client)
                | Recipient::OtherSessions { client, .. }
                | Recipient::Session { client, .. } => {
                    let of_client = sessions.by_client.get(&(app.clone(), client.clone())).into_iter().flatten();
                    of_client.for_each(|attached| push(attached, attached.session.opened_at));
                }
            }
        }
    }
}

impl Delivery for LocalDelivery {
    fn deliver(&self, app: &AppId, recipients: &[Recipient<'_>], event: &Event, origin: Option<Origin>) {
        self.push((app, recipients), event, origin, |_| true);
    }

    fn deliver_late(
        &self,
        app: &AppId,
        recipients: &[Recipient<'_>],
        event: &Event,
        origin: Option<Origin>,
        opened_until: Timestamp,
    ) {
        self.push((app, recipients), event, origin, |since| since <= opened_until);
    }

    fn rooms(&self) -> Arc<ChatRooms> {
        self.rooms.clone()
    }

    fn subscribers(&self) -> Arc<OnlineSubscribers> {
        self.subscribers.clone()
    }

    fn close_app(&self, app: &AppId) {
        self.rates.forget_app(app);
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.by_id.retain(|_, attached| attached.session.app != *app);
        let (code, reason) = (Code::AppNotAvailable.number(), Code::AppNotAvailable.name());
        let code = u16::try_from(code).unwrap_or_default();
        for attached in sessions.by_client.extract_if(|(of, _), _| of == app).flat_map(|(_, sessions)| sessions) {
            if attached.sender.send(Outgoing::Close { code, reason }).is_err() {
                attached.sender.close_slow_reader();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hookd_im_core::delivery::{Delivery as _, Event, Recipient};
    use hookd_im_core::error::Code;
    use hookd_im_core::ids::{AppId, ClientId, ConnectionId, SessionId};
    use hookd_im_core::presence::Session;
    use hookd_im_core::timestamp::Timestamp;

    use super::{LocalDelivery, Wants};
    use crate::gateway::outgoing::OutgoingSender;

    #[test]
    fn an_event_that_comes_late_is_not_for_sessions_that_were_opened_after_it() {
        let (delivery, (sender, mut queue)) = (LocalDelivery::default(), OutgoingSender::new());
        let (app, client) = (AppId::new("demo"), ClientId::new("tom"));
        let session = Arc::new(Session::new(SessionId(1), app.clone(), client.clone(), ConnectionId(1)));
        let opened_at = session.opened_at;
        delivery.attach(session.clone(), sender, Wants { changes: true, temporary: true });
        delivery.tell_unread(&session, None);
        let event = Event::SessionClosed { code: Code::SessionConflict, reason: String::new() };
        let mut comes = |opened_until| {
            delivery.deliver_late(&app, &[Recipient::Client(&client)], &event, None, opened_until);
            queue.try_recv().is_ok()
        };
        assert!(!comes(Timestamp(opened_at.0 - 1)));
        assert!(comes(opened_at));
    }
}
