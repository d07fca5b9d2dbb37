//! The type of a message, as history queries ask for it.

use hookd_im_core::store::MessageBody;
use serde::Deserialize;

/// `_lctype` of a text body that is a JSON object.
pub(crate) fn message_type(body: &MessageBody) -> Option<i32> {
    #[derive(Deserialize)]
    struct TypedMessage {
        #[serde(rename = "_lctype")]
        message_type: i32,
    }
    match body {
        // An array would deserialize into a struct by position.
        MessageBody::Text(text) if text.trim_start().starts_with('{') => {
            foreign_json::from_str(text).ok().map(|TypedMessage { message_type }| message_type)
        }
        MessageBody::Text(_) | MessageBody::Binary(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use hookd_im_core::store::MessageBody;

    use super::message_type;

    #[test]
    fn only_json_objects_have_a_message_type() {
        for (text, expected) in [
            (r#"{"_lctype":-1,"_lctext":"hi"}"#, Some(-1)),
            (r#" {"_lctype":1}"#, Some(1)),
            (r#"{"_lctype":-1.0,"_lctype":-2e0,"\ud83d":"\ud83d"}"#, Some(-2)),
            (r#"{"_lctype":"1"}"#, None),
            (r#"{"_lctype":1e400}"#, None),
            (r#"{"_lctext":"hi"}"#, None),
            ("[7]", None),
            ("hello", None),
        ] {
            assert_eq!(message_type(&MessageBody::Text(text.to_owned())), expected, "{text}");
        }
        assert_eq!(message_type(&MessageBody::Binary(br#"{"_lctype":1}"#.to_vec())), None);
    }
}
