//! The payload of a push (S-113, S-116, S-117).

use hook_types::{PushMessage, ReceiversOfflineParams};
use serde_json::{Map, Value};

/// Bytes of an app's static content as JSON.
pub const MAX_CONTENT_BYTES: usize = 4 * 1024;

/// Bytes of a payload as JSON: no push service takes more than 5 KB.
pub const MAX_PAYLOAD_BYTES: usize = 5 * 1024;

/// The payload: the hook's before the message's before the app's content; `None` where there is none of them. One that is no
/// JSON object, or too large, counts as absent.
pub(super) fn choose(
    (of_hook, of_message, content): (Option<PushMessage>, Option<&str>, Option<&str>),
    message: &ReceiversOfflineParams,
) -> Option<Map<String, Value>> {
    let of_hook = of_hook.and_then(|payload| match payload {
        PushMessage::Object(payload) => Some(payload),
        PushMessage::Text(text) => object(&text),
    });
    let of_message = || object(of_message?);
    let content = || Some(filled(object(content?)?, message));
    let fits =
        |payload: &Map<String, Value>| serde_json::to_string(payload).is_ok_and(|text| text.len() <= MAX_PAYLOAD_BYTES);
    of_hook.filter(fits).or_else(|| of_message().filter(fits)).or_else(|| content().filter(fits))
}

/// The object that a text holds.
pub(crate) fn object(text: &str) -> Option<Map<String, Value>> {
    foreign_json::from_str(text).ok()
}

/// The content with its variables replaced (S-114).
fn filled(mut content: Map<String, Value>, message: &ReceiversOfflineParams) -> Map<String, Value> {
    content.values_mut().for_each(|value| fill(value, message));
    content
}

/// The reader of JSON has bounded how deep it nests.
fn fill(value: &mut Value, message: &ReceiversOfflineParams) {
    match value {
        Value::String(text) => *text = replaced(text, message),
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, message)),
        Value::Object(object) => object.values_mut().for_each(|value| fill(value, message)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// In one pass: a client id may look like a variable.
fn replaced(text: &str, message: &ReceiversOfflineParams) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let variable = after.split_once('}').and_then(|(name, after)| {
            let value = match name {
                "convId" => message.conv_id.clone(),
                "timestamp" => message.timestamp.to_string(),
                "fromClientId" => message.from_peer.clone(),
                _ => return None,
            };
            Some((value, after))
        });
        match variable {
            Some((value, after)) => {
                out.push_str(&value);
                rest = after;
            }
            None => {
                out.push_str("${");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use hook_types::{PushMessage, ReceiversOfflineParams};
    use serde_json::{Map, Value, json};

    use super::{MAX_PAYLOAD_BYTES, choose};

    fn message() -> ReceiversOfflineParams {
        ReceiversOfflineParams {
            from_peer: "${convId}".to_owned(),
            conv_id: "c1".to_owned(),
            timestamp: 17,
            ..ReceiversOfflineParams::default()
        }
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    /// S-113.
    #[test]
    fn the_hook_goes_before_the_message_before_the_content() {
        let (hook, text) = (object(json!({"alert": "hook"})), r#"{"alert":"message"}"#);
        let content = r#"{"alert":"content"}"#;
        let alert = |of_hook, of_message, content| {
            choose((of_hook, of_message, content), &message()).map(|payload| payload["alert"].clone())
        };
        let of_hook = || Some(PushMessage::Object(hook.clone()));
        assert_eq!(alert(of_hook(), Some(text), Some(content)), Some(json!("hook")));
        let as_text = Some(PushMessage::Text(r#"{"alert":"text"}"#.to_owned()));
        assert_eq!(alert(as_text, Some(text), Some(content)), Some(json!("text")));
        assert_eq!(alert(None, Some(text), Some(content)), Some(json!("message")));
        assert_eq!(alert(None, None, Some(content)), Some(json!("content")));
        assert_eq!(alert(None, None, None), None);
        for nonsense in ["", "[]", "1", "{", "null"] {
            let of_hook = Some(PushMessage::Text(nonsense.to_owned()));
            assert_eq!(alert(of_hook, Some(nonsense), Some(content)), Some(json!("content")), "{nonsense}");
        }
        let large = object(json!({ "alert": "x".repeat(MAX_PAYLOAD_BYTES) }));
        assert_eq!(alert(Some(PushMessage::Object(large)), None, Some(content)), Some(json!("content")));
    }

    /// S-114.
    #[test]
    fn variables_of_the_content_are_replaced_once_and_nowhere_else() {
        let content = json!({
            "alert": "${fromClientId} in ${convId} at ${timestamp}, ${unknown} $ ${",
            "ios": { "list": ["${convId}"], "badge": 1 },
        });
        let content = content.to_string();
        let expected = json!({
            "alert": "${convId} in c1 at 17, ${unknown} $ ${",
            "ios": { "list": ["c1"], "badge": 1 },
        });
        assert_eq!(choose((None, None, Some(&content)), &message()).map(Value::Object), Some(expected));
        let of_message = r#"{"alert":"${convId}"}"#;
        assert_eq!(choose((None, Some(of_message), None), &message()).unwrap()["alert"], "${convId}");
    }
}
