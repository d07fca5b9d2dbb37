//! The online clients, and the way of an event to a socket.
//!
//! Rules: P-45 and P-8 (gap before pushes on the requester's own socket), P-46 (receivers are fixed when the operation
//! happens), P-82 (order per session).

mod event;
mod gate;
mod outbox;
mod registry;
mod room;
mod session;

pub use event::{ChangedMembers, DeliveredMessage, Event, PatchReason, PatchedMessage};
pub use gate::{GAP, ReplyGate};
pub use outbox::{OUTBOX_CAPACITY, Outbox, OutboxFull, Outgoing, OutgoingReceiver, Shows};
pub use registry::Registry;
pub use room::{ANSWER_BYTES, EVENT_BYTES, Room};
pub use session::Session;
