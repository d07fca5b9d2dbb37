//! What the fuzzer calls, as plain functions: each takes any bytes, and must neither panic nor break what it asserts.
//!
//! The test `corpus` calls them with the bytes that are kept in `fuzz-targets/corpus`.
//!
//! `make fuzz` lets the fuzzer think of more (`src/bin/fuzz.rs`).
//!
//! To add one: a function and its name in [`ALL`], and a folder with a few inputs in `fuzz-targets/corpus`.

mod commands;
mod control;
mod server;

use foreign_json::MAX_DEPTH;
use hook_types::{Content, ConversationUpdate, MessageReceived, ReceiversOffline, read_reply};
use hookd_leancache::{Command, Space};
use serde_json::Value;

pub use crate::server::clean_up;

/// A target.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const ALL: [(&str, Target); 10] = [
    ("body", body),
    ("command", commands::command),
    ("content", content),
    ("control", control::control),
    ("filter", filter),
    ("frame", frame),
    ("json", json),
    ("leancache", leancache),
    ("module", module),
    ("reply", reply),
];

/// What is more than enough for a command of the fuzzer.
const MAX_BYTES: usize = 1 << 20;

/// The reader of foreign JSON takes all that `serde_json` takes, and reads it alike.
pub fn json(bytes: &[u8]) {
    let read = foreign_json::from_slice::<Value>(bytes);
    let strict = std::str::from_utf8(bytes).ok().and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(strict) = strict {
        assert_eq!(read.as_ref().ok(), Some(&strict), "ordinary JSON is read as it is");
    }
    if let Ok(value) = read {
        let written = value.to_string();
        assert!(foreign_json::depth(&written) <= MAX_DEPTH, "what is read is not too deep");
        assert!(foreign_json::from_str::<Value>(&written).is_ok(), "what is written is read again");
    }
}

/// The first byte says whether the message is binary. What is not rewritten stays as it is.
pub fn content(bytes: &[u8]) {
    let Some((first, text)) = bytes.split_first() else { return };
    if let Ok(mut content) = Content::read(&String::from_utf8_lossy(text), first & 1 == 1) {
        let before: Vec<String> = content.texts().into_iter().map(str::to_owned).collect();
        assert!(!content.rewrite(str::to_owned), "nothing was changed");
        assert_eq!(content.texts(), before, "each text is its own");
    }
}

/// Replies of hooks.
pub fn reply(bytes: &[u8]) {
    // Whether they are replies is not the question.
    let _ = read_reply::<MessageReceived>(bytes);
    let _ = read_reply::<ConversationUpdate>(bytes);
    let _ = read_reply::<ReceiversOffline>(bytes);
}

/// A command of LeanCache a line, its words separated by blanks.
pub fn leancache(bytes: &[u8]) {
    let mut space = Space::new(MAX_BYTES);
    for (line, now_ms) in bytes.split(|byte| *byte == b'\n').zip(1_700_000_000_000..) {
        if let Ok(command) = Command::check(line.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect()) {
            space.execute(&command, now_ms, MAX_BYTES);
            assert!(space.size_bytes() <= 2 * MAX_BYTES, "it stays within its bounds");
        }
    }
}

/// A frame of the sub-protocol.
pub fn frame(bytes: &[u8]) {
    hookd_server::fuzzing::read_frame(bytes);
}

/// The `where` of a query of conversations.
pub fn filter(bytes: &[u8]) {
    hookd_im_store::fuzzing::read_filter(&String::from_utf8_lossy(bytes));
}

/// The body of a call of a function; the first byte chooses its type.
pub fn body(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else { return };
    let content_type = match first % 4 {
        0 => "application/json",
        1 => "application/x-www-form-urlencoded",
        2 => "text/plain",
        _ => "image/png",
    };
    hookd_server::fuzzing::read_body(content_type, body);
}

/// An uploaded module.
pub fn module(bytes: &[u8]) {
    hookd_runtime::fuzzing::validate_module(bytes);
}
