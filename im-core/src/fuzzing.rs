//! Entry points for the fuzzer only, in addition to the public interface.

mod commands;

use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::ids::ClientId;
use crate::protocol::frame::Encoding;
use crate::store;

pub use self::commands::{Answer, Sent, answer, commands, log_in, start_conversation};

/// Reads a frame in both forms.
pub fn read_frame(bytes: &[u8]) {
    // Whether it is a command is not the question.
    let _ = Encoding::Binary.decode(Message::Binary(bytes.to_vec().into()));
    if let Ok(text) = Utf8Bytes::try_from(bytes.to_vec()) {
        let _ = Encoding::Base64.decode(Message::Text(text));
    }
}

/// Reads the `where` of a query.
pub fn read_filter(text: &str) {
    if let Ok(filter) = foreign_json::from_str(text) {
        let _ = store::check_filter(&filter, &ClientId::new("a"));
    }
}
