//! Runs commands: session commands at once, use cases in tasks of their own.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;

use super::Shared;
use super::answer_size::answer_bytes;
use super::closing::Closing;
use super::conversation_commands as conversation;
use super::member_info;
use super::message_commands as message;
use super::pending::PendingReply;
use super::queue::{Reply, WriteQueue};
use super::receipt_commands as receipt;
use super::request_order::RequestOrder;
use super::restriction_commands as restriction;
use crate::gateway::byte_budget::HeldBytes;
use crate::gateway::outgoing::{OutgoingSender, Shows};
use crate::gateway::protocol::describe;
use crate::gateway::protocol::frame::encode;
use crate::gateway::protocol::limits;
use crate::gateway::protocol::replies::{Recipient, code_of};
use crate::gateway::protocol::wire::{CommandType, DirectCommand, GenericCommand, OpType};
use hookd_im_core::actor::{Actor, Identity, Origin};
use hookd_im_core::app::App;
use hookd_im_core::delivery::Priority;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::ConversationId;
use hookd_im_core::presence::Session;
use hookd_im_core::presence::{Ending, LoginSource};
use hookd_im_core::trace;

/// The bit of `configBitmap` of sessions that want receipts in conversations of more than two (P-51).
const GROUP_RECEIPTS: i64 = 64;

/// The service number of LiveQuery (P-28).
const LIVE_QUERY_SERVICE: i32 = 1;

/// The socket, apart from its frames.
pub(super) struct Socket {
    /// Its id, and the address of the client.
    pub(super) source: LoginSource,
    /// Its queue.
    pub(super) sender: OutgoingSender,
    /// The page of the browser that opened it.
    pub(super) web_origin: Option<String>,
}

/// A session of this socket.
pub(super) struct LocalSession {
    pub(super) session: Arc<Session>,
    /// `configBitmap` (P-51).
    pub(super) config: i64,
}

/// The state of one socket apart from its frames.
pub(super) struct Dispatcher {
    pub(super) shared: Arc<Shared>,
    pub(super) socket: Socket,
    /// Named by the first login, with the keys of that time; one for all sessions of the socket (P-20).
    pub(super) app: Option<Arc<App>>,
    /// In the order of opening.
    pub(super) sessions: Vec<LocalSession>,
    order: RequestOrder,
    live_query: bool,
    /// When the socket last had no session and no LiveQuery; `None` while it has.
    idle_since: Option<Instant>,
}

impl Dispatcher {
    /// A socket without a login yet.
    pub(super) fn new(shared: Arc<Shared>, socket: Socket) -> Self {
        Self {
            shared,
            socket,
            app: None,
            sessions: Vec::new(),
            order: RequestOrder::default(),
            live_query: false,
            idle_since: Some(Instant::now()),
        }
    }

    /// Since when the socket has no session.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle_since
    }

    /// Carries a command out, or starts to.
    pub(super) async fn dispatch(
        &mut self,
        command: GenericCommand,
        slot: OwnedSemaphorePermit,
        queue: &mut WriteQueue,
    ) -> Result<(), Closing> {
        let recipient = Recipient::of(&command);
        let kind = command.cmd.and_then(|cmd| CommandType::try_from(cmd).ok());
        let op = command.op.and_then(|op| OpType::try_from(op).ok());
        let outcome = match (kind, op) {
            (Some(CommandType::Echo), _) => {
                // Some SDKs send heartbeats without `i` and want them back the same way (P-30).
                let echo = GenericCommand { cmd: command.cmd, i: command.i, ..GenericCommand::default() };
                queue.reply(Reply {
                    frame: encode(&echo),
                    shows: Shows::Nothing,
                    gate: None,
                    held: HeldBytes::default(),
                });
                Ok(())
            }
            // Never with a reply (P-25).
            (Some(CommandType::Ack | CommandType::Read), _) => {
                self.start(command, Recipient { serial: None, ..recipient }, slot, queue)
            }
            (Some(CommandType::Login | CommandType::Logout), _) => {
                answer(queue, &self.live_query(&command, kind == Some(CommandType::Login)));
                Ok(())
            }
            (Some(CommandType::Session), Some(op)) => self.session_command(op, command, &recipient, queue).await,
            (Some(CommandType::Report), Some(OpType::Upload)) => {
                self.report(&command, &recipient, queue);
                Ok(())
            }
            (Some(kind), _) if is_about_conversations(kind) => self.start(command, recipient, slot, queue),
            _ => {
                answer(queue, &recipient.error(&conversation::unsupported(&format!("`{}`", describe(&command)))));
                Ok(())
            }
        };
        self.forget_ended();
        outcome
    }

    /// Ends all sessions that are left: the socket is gone.
    pub(super) fn end_sessions(&mut self, error: Option<Code>) {
        let Some(app) = self.current_app().ok().or_else(|| self.app.clone()) else { return };
        for local in self.sessions.drain(..) {
            let ending = Ending::Lost(error);
            // No client waits for an answer: the socket is gone.
            let mut ended = self.shared.lifecycle.end(&self.shared.core, &app, &local.session, ending, None);
            self.shared.delivery.detach(&local.session);
            self.shared.deliver_wills(ended.take_wills());
        }
    }

    /// The app as it is now: its keys may have changed since the login, and it may be gone.
    pub(super) fn current_app(&self) -> Result<Arc<App>, RequestError> {
        let app = self.app.as_ref().ok_or_else(|| RequestError::code(Code::SessionRequired))?;
        let gone =
            || RequestError::detailed(Code::AppNotAvailable, format!("app `{}` does not exist any more", app.id));
        self.shared.core.apps.app(&app.id).ok_or_else(gone)
    }

    /// The session that a command names, or the first one when it names none (P-27).
    pub(super) fn session_of(&self, peer: Option<&str>) -> Result<&LocalSession, RequestError> {
        self.sessions
            .iter()
            .filter(|local| !local.session.has_ended())
            .find(|local| peer.is_none_or(|peer| local.session.client.as_str() == peer))
            .ok_or_else(|| RequestError::code(Code::SessionRequired))
    }

    /// Sessions end from elsewhere too, by a conflict.
    pub(super) fn forget_ended(&mut self) {
        for ended in self.sessions.extract_if(.., |local| local.session.has_ended()) {
            self.shared.delivery.detach(&ended.session);
        }
        let idle = self.sessions.is_empty() && !self.live_query;
        self.idle_since = if idle { self.idle_since.or_else(|| Some(Instant::now())) } else { None };
    }

    /// Starts a use case in a task of its own: neither the loop nor the end of the socket must stop it half-way.
    fn start(
        &mut self,
        command: GenericCommand,
        recipient: Recipient,
        slot: OwnedSemaphorePermit,
        queue: &mut WriteQueue,
    ) -> Result<(), Closing> {
        let local = match self.session_of(command.peer_id.as_deref()) {
            Ok(local) => local,
            Err(error) => {
                answer(queue, &recipient.error(&error));
                return Ok(());
            }
        };
        let recipient = recipient.to_client(&local.session.client);
        let app = match self.current_app() {
            Ok(app) => app,
            Err(error) => {
                answer(queue, &recipient.error(&error));
                return Err(Closing::Code(code_of(&error)));
            }
        };
        if let Err(error) = self.shared.take_turn(&app.id, &local.session.client, &command) {
            if !self.shared.is_unanswered(&app.id, &error) {
                answer(queue, &recipient.error(&error));
            }
            return Ok(());
        }
        if command.direct_message.as_ref().is_some_and(message::is_oversized) {
            let error = RequestError::code(Code::FrameTooLong);
            answer(queue, &recipient.error(&error));
            return if recipient.serial.is_some() { Ok(()) } else { Err(Closing::Code(Code::FrameTooLong)) };
        }
        if let Err(error) = limits::check(&command) {
            answer(queue, &recipient.error(&error));
            return Ok(());
        }
        let command = limits::without_the_unread(command);
        let silent = is_unacknowledged(&command, local.config);
        let group_receipts = local.config & GROUP_RECEIPTS != 0;
        let (session, client) = (local.session.id, local.session.client.clone());
        let LoginSource { connection, remote_address: address } = self.socket.source;
        let request = self.shared.delivery.begin_request(connection);
        let origin = Some(Origin { session, request: request.id });
        let actor = Actor { app, identity: Identity::Client(client), address, origin };
        let conversation = conversation_of(&command);
        let place = self.order.join(session, conversation.as_ref());
        let mut pending =
            PendingReply::new(self.socket.sender.clone(), recipient.clone(), conversation, request.gate.clone());
        let (shared, sender) = (self.shared.clone(), self.socket.sender.clone());
        let turn_by = tokio::time::Instant::now() + shared.config.queue_timeout;
        self.shared.tasks.spawn(async move {
            let _in_work = (slot, place.done.drop_guard(), request);
            if let Some(previous) = place.previous {
                let turn = tokio::time::timeout_at(turn_by, previous.cancelled());
                match shared.shutdown.run_until_cancelled(turn).await {
                    Some(Ok(())) => {}
                    Some(Err(_)) => {
                        let detail = "the requests before this one in its conversation took too long";
                        pending.send(&recipient.error(&RequestError::detailed(Code::InternalError, detail)));
                        // Later requests must still not overtake earlier ones; hook deadlines bound the wait.
                        previous.cancelled().await;
                        return;
                    }
                    None => return,
                }
            }
            if let Some(bytes) = answer_bytes(&command) {
                let of_app = shared.answers.of(&actor.app.id);
                let Some(held) = sender.reserve_answer(of_app, bytes, turn_by).await else {
                    let detail = "earlier answers of this connection, or of its app, were not read in time";
                    return pending.send(&recipient.error(&RequestError::detailed(Code::InternalError, detail)));
                };
                pending.keep(held);
            }
            let name = trace::request_name(|| describe(&command));
            let carried_out = carry_out(&shared, &actor, &recipient, (command, group_receipts));
            let reply = trace::request(name, &actor.app.id, carried_out).await;
            if silent && reply.error_message.is_none() { pending.skip() } else { pending.send(&reply) }
        });
        Ok(())
    }

    /// LiveQuery is not served, but its login is answered (P-106).
    fn live_query(&mut self, command: &GenericCommand, login: bool) -> GenericCommand {
        self.live_query = login;
        let kind = if login { CommandType::Loggedin } else { CommandType::Loggedout };
        GenericCommand {
            cmd: Some(kind.into()),
            i: command.i,
            installation_id: command.installation_id.clone().filter(|id| id.len() <= limits::ID_BYTES),
            service: Some(command.service.unwrap_or(LIVE_QUERY_SERVICE)),
            ..GenericCommand::default()
        }
    }
}

/// A loop that panics must not leave its sessions online for ever.
impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.end_sessions(Some(Code::InternalError));
    }
}

/// Queues a reply of the loop itself. Requests without a serial number get none (P-25).
pub(super) fn answer(queue: &mut WriteQueue, reply: &GenericCommand) {
    if reply.i.is_some() {
        queue.reply(Reply { frame: encode(reply), shows: Shows::Nothing, gate: None, held: HeldBytes::default() });
    }
}

/// Runs the use case of a command.
async fn carry_out(
    shared: &Shared,
    actor: &Actor,
    recipient: &Recipient,
    (mut command, group_receipts): (GenericCommand, bool),
) -> GenericCommand {
    let core = &shared.core;
    let what = describe(&command);
    let op = command.op.and_then(|op| OpType::try_from(op).ok());
    let named = conversation_of(&command);
    let conv = command.conv_message.take().unwrap_or_default();
    let reply = match (command.cmd(), op) {
        (CommandType::Direct, _) => {
            let options = message::SendOptions { priority: Priority::of_number(command.priority), group_receipts };
            let direct = command.direct_message.take().unwrap_or_default();
            return message::send(core, actor, recipient, (direct, options)).await;
        }
        (CommandType::Ack, _) => receipt::acknowledge(core, actor, command.ack_message.take().unwrap_or_default())
            .await
            .map(|()| GenericCommand::default()),
        (CommandType::Read, _) => receipt::read(core, actor, command.read_message.take().unwrap_or_default())
            .await
            .map(|()| GenericCommand::default()),
        (CommandType::Logs, _) => {
            message::history(core, actor, recipient, command.logs_message.take().unwrap_or_default()).await
        }
        (CommandType::Patch, Some(OpType::Modify)) => {
            message::change(core, actor, recipient, command.patch_message.take().unwrap_or_default()).await
        }
        (CommandType::Conv, Some(OpType::Start)) => conversation::start(core, actor, recipient, conv).await,
        (CommandType::Conv, Some(OpType::Add)) => conversation::add(core, actor, recipient, conv).await,
        (CommandType::Conv, Some(OpType::Remove)) => conversation::remove(core, actor, recipient, conv).await,
        (CommandType::Conv, Some(OpType::Update)) => conversation::update(core, actor, recipient, conv).await,
        (CommandType::Conv, Some(OpType::Mute)) => conversation::set_muted(core, actor, recipient, (conv, true)).await,
        (CommandType::Conv, Some(OpType::Unmute)) => {
            conversation::set_muted(core, actor, recipient, (conv, false)).await
        }
        (CommandType::Conv, Some(OpType::Query)) => conversation::query(core, actor, recipient, conv).await,
        (
            CommandType::Conv,
            Some(op @ (OpType::AddShutup | OpType::RemoveShutup | OpType::QueryShutup | OpType::CheckShutup)),
        ) => restriction::silence(core, actor, recipient, (op, conv)).await,
        (CommandType::Conv, Some(OpType::MaxRead)) => receipt::marks(core, actor, recipient, conv).await,
        (CommandType::Blacklist, Some(op @ (OpType::Block | OpType::Unblock | OpType::Query | OpType::CheckBlock))) => {
            let blacklist = command.blacklist_message.take().unwrap_or_default();
            restriction::blacklist(core, actor, recipient, (op, blacklist)).await
        }
        (CommandType::Conv, Some(OpType::MemberInfoUpdate)) => {
            member_info::set_role(core, actor, recipient, conv).await
        }
        (CommandType::Conv, Some(OpType::Count)) => conversation::count(core, actor, recipient, conv).await,
        (CommandType::Conv, Some(OpType::IsMember)) => conversation::is_member(core, actor, recipient, conv).await,
        (CommandType::Conv, Some(OpType::Members)) => conversation::members(core, actor, recipient, conv).await,
        _ => Err(conversation::refuse(core, actor, &format!("`{what}`"), named.as_ref()).await),
    };
    reply.unwrap_or_else(|error| {
        if let RequestError::Store(error) = &error {
            tracing::error!(app = %actor.app.id, command = what, error = error as &dyn std::error::Error, "a request failed");
        }
        recipient.error(&error)
    })
}

fn is_about_conversations(kind: CommandType) -> bool {
    use CommandType::{Blacklist, Conv, Direct, Logs, Patch};
    matches!(kind, Direct | Logs | Conv | Patch | Blacklist)
}

/// The conversation that a command names.
fn conversation_of(command: &GenericCommand) -> Option<ConversationId> {
    let direct = command.direct_message.as_ref().and_then(|direct| direct.cid.as_deref());
    let logs = command.logs_message.as_ref().and_then(|logs| logs.cid.as_deref());
    let patch = command.patch_message.as_ref().and_then(|patch| patch.patches.first()?.cid.as_deref());
    let blacklist = command.blacklist_message.as_ref().and_then(|blacklist| blacklist.src_cid.as_deref());
    let ack = command.ack_message.as_ref().and_then(|ack| ack.cid.as_deref());
    let named = direct.or(logs).or(patch).or(blacklist).or(ack).map(ConversationId::new);
    let named = named.or_else(|| command.conv_message.as_ref().and_then(conversation::conversation_of));
    // One that a filter names can be longer than any conversation's.
    named.filter(|id| id.as_str().len() <= limits::ID_BYTES)
}

/// Transient messages are acknowledged only to sessions that ask for it (P-51, bit 3).
fn is_unacknowledged(command: &GenericCommand, config: i64) -> bool {
    const TRANSIENT_ACK: i64 = 8;
    let is_transient = |direct: &DirectCommand| direct.transient == Some(true) && direct.will != Some(true);
    config & TRANSIENT_ACK == 0 && command.direct_message.as_ref().is_some_and(is_transient)
}
