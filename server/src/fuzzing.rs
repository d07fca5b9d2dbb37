//! Entry points for the fuzzer only, in addition to the public interface.

mod commands;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::gateway::protocol::frame::Encoding;
use crate::rpc;

pub use self::commands::{Answer, Sent, answer, commands, log_in, start_conversation};

/// Reads a frame in both forms.
pub fn read_frame(bytes: &[u8]) {
    // Whether it is a command is not the question.
    let _ = Encoding::Binary.decode(Message::Binary(bytes.to_vec().into()));
    if let Ok(text) = Utf8Bytes::try_from(bytes.to_vec()) {
        let _ = Encoding::Base64.decode(Message::Text(text));
    }
}

/// Takes the body of a call apart.
pub fn read_body(content_type: &str, body: &[u8]) {
    rpc::check_body(content_type, Bytes::copy_from_slice(body));
}
