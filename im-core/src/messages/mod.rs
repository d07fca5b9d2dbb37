//! Messages: sending, changing, history and wills.
//!
//! Rules: S-39 … S-54 … S-57, S-89, S-90, S-92, S-100, S-101, P-81 … P-84, P-92 … P-96.

mod change;
mod commit;
pub mod content;
mod filtered;
mod from_service;
mod held_wills;
mod history;
mod member_cache;
mod message;
mod offline;
mod other_members;
mod recent_sends;
mod review;
mod reviewed;
mod send;
mod will;
pub mod will_metrics;

pub use change::{ChangeMessage, MessageChange, change, deliver_missed_changes};
pub use content::MAX_MESSAGE_BYTES;
pub use from_service::{MAX_TARGETS, ServiceMessage, ServiceReceivers, send_from_service};
pub use held_wills::{APP_WILL_BYTES, Will, Wills};
pub use history::{History, history};
pub use member_cache::MemberCache;
pub use message::{SendMessage, SentMessage};
pub use recent_sends::RecentSends;
pub use send::send;
pub use will::{deliver_will, set_will};
