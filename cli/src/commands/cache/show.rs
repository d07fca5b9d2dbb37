//! Replies as redis-cli shows them.

use api_types::control::CacheReply;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A reply for people.
pub fn show(reply: &CacheReply) -> String {
    match reply {
        CacheReply::Nil => "(nil)".to_owned(),
        CacheReply::Integer(number) => format!("(integer) {number}"),
        CacheReply::Text(text) => quoted(text.as_bytes()),
        CacheReply::Bytes { base64 } => match STANDARD.decode(base64) {
            Ok(bytes) => quoted(&bytes),
            Err(_) => quoted(base64.as_bytes()),
        },
        CacheReply::Status { status } => status.clone(),
        CacheReply::Error { error } => format!("(error) {error}"),
        CacheReply::Array(parts) if parts.is_empty() => "(empty array)".to_owned(),
        CacheReply::Array(parts) => listed(parts),
    }
}

fn listed(parts: &[CacheReply]) -> String {
    let width = parts.len().to_string().len();
    let mut lines = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let number = format!("{:>width$}) ", index + 1);
        let indent = " ".repeat(number.len());
        for (line, text) in show(part).lines().enumerate() {
            lines.push(format!("{}{text}", if line == 0 { &number } else { &indent }));
        }
    }
    lines.join("\n")
}

/// In quotes, with escapes for unprintable characters: a value must not control the terminal.
fn quoted(bytes: &[u8]) -> String {
    let mut shown = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => shown.extend(['\\', character]),
                '\n' => shown.push_str("\\n"),
                '\r' => shown.push_str("\\r"),
                '\t' => shown.push_str("\\t"),
                character if character.is_control() => {
                    let mut encoded = [0; 4];
                    character
                        .encode_utf8(&mut encoded)
                        .bytes()
                        .for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
                }
                character => shown.push(character),
            }
        }
        chunk.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
    }
    shown.push('"');
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn show(reply: &Value) -> String {
        super::show(&serde_json::from_value(reply.clone()).unwrap())
    }

    #[test]
    fn replies_look_as_in_redis_cli() {
        assert_eq!(show(&json!(null)), "(nil)");
        assert_eq!(show(&json!(3)), "(integer) 3");
        assert_eq!(show(&json!({"status": "OK"})), "OK");
        assert_eq!(show(&json!({"error": "ERR no"})), "(error) ERR no");
        assert_eq!(show(&json!([])), "(empty array)");
        assert_eq!(show(&json!(["a", null, ["b", 1]])), "1) \"a\"\n2) (nil)\n3) 1) \"b\"\n   2) (integer) 1");
    }

    #[test]
    fn values_cannot_steer_the_terminal() {
        assert_eq!(show(&json!("a\"\\\n\u{1b}[31mé\u{9b}")), r#""a\"\\\n\x1b[31mé\xc2\x9b""#);
        assert_eq!(show(&json!({"base64": "AP8="})), r#""\x00\xff""#);
    }
}
