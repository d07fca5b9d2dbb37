//! What every peer is asked, and what it must answer.

use serde_json::{Value, json};

/// The hook under test.
pub const HOOK: &str = "_messageReceived";

/// The params of one message with a word to filter, about 300 bytes.
pub fn params() -> String {
    json!({
        "fromPeer": "Tom",
        "convId": "64f0c0ffee0000000000a001",
        "toPeers": ["Jerry"],
        "transient": false,
        "bin": false,
        "content": "{\"_lctype\":-1,\"_lctext\":\"Holy crap! This is a message of ordinary length.\"}",
        "receipt": false,
        "timestamp": 1_700_000_000_123_i64,
        "system": null,
        "sourceIP": "203.0.113.7",
        "groupId": null,
    })
    .to_string()
}

/// True for the reply of a hook that did its work.
pub fn is_filtered(reply: &Value) -> bool {
    reply.get("content").and_then(Value::as_str).is_some_and(|content| content.contains("Holy **!"))
}
