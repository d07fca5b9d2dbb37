//! Offline push: which payload goes to which receivers, and the gateway that takes it to their devices.
//!
//! Rules: S-91, S-113 … S-119. The calls that it takes wait in the table of calls (`hooks/notifications/push_calls.rs`).

mod gateway;
mod offline_message;
mod payload;
mod request;

pub use gateway::{PushFailure, PushGateway, SignedPush};
pub use offline_message::OfflineMessage;
pub(crate) use payload::object;
pub use payload::{MAX_CONTENT_BYTES, MAX_PAYLOAD_BYTES};
pub(crate) use request::{Decision, MAX_RECEIVERS, decide};

/// The value of the setting `push_gateway` that writes pushes to the log instead of sending them.
pub const TO_LOG: &str = "log";
