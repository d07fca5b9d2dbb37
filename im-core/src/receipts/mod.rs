//! Unread messages, read marks and receipts.
//!
//! Rules: S-58 … S-68, P-85 … P-91, P-100, P-101.

mod delivered;
mod marks;
mod read;
mod unread;

pub use delivered::acknowledge;
pub use marks::{Marks, marks};
pub use read::mark_read;
pub use unread::unread_at_login;
