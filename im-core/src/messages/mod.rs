//! Messages: sending and history.
//!
//! Rules: S-39 … S-50, S-54 … S-57, S-89, S-90, S-100, P-81 … P-84, P-92, P-96.

mod commit;
pub mod content;
mod history;
mod message;
mod other_members;
mod recent_sends;
mod review;
mod reviewed;
mod send;

pub use content::MAX_MESSAGE_BYTES;
pub use history::history;
pub use message::{SendMessage, SentMessage};
pub use recent_sends::RecentSends;
pub use send::send;
