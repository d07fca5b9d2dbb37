//! Reading what a hook answered: truthiness (EC-29) and leniency (EC-30).

use std::{error::Error, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::{ClientSignReply, ConversationReply, ConversationUpdateReply, Hook, MessageReply, ReceiversOfflineReply};

/// A hook's reply, as [`read_reply`] takes it from JSON.
pub trait Reply: Sized + Default {
    /// Reads the known keys; the others are ignored.
    fn from_fields(fields: &mut Fields) -> Self;

    /// Reads a reply that is neither an object nor null; `None` makes it a [`BadReply`].
    fn from_other(_value: &Value) -> Option<Self> {
        None
    }

    /// Whether this hook's reply is looked at.
    const IS_READ: bool = true;
}

/// The members of a reply object.
#[derive(Debug, Default)]
pub struct Fields {
    members: Map<String, Value>,
    ignored_keys: Vec<String>,
}

/// A reply as the IM core obeys it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadReply<R> {
    /// What the hook decided.
    pub reply: R,
    /// Known keys that count as absent because their value has the wrong type.
    pub ignored_keys: Vec<String>,
    /// The hook answered nothing, `null` or `{}`: the default flow follows.
    pub had_no_opinion: bool,
}

/// A reply that counts as a failure of the hook.
#[derive(Debug)]
pub enum BadReply {
    /// The text is not JSON.
    NotJson(serde_json::Error),
    /// JSON, but neither an object nor null; holds the name of the type found.
    NotAnObject(&'static str),
}

/// Reads the JSON text that hook `H` answered. Of a notification hook the reply is not looked at.
///
/// # Errors
///
/// When the text is not JSON, or neither an object nor null.
pub fn read_reply<H: Hook>(json: &[u8]) -> Result<ReadReply<H::Reply>, BadReply> {
    let nothing = || ReadReply { reply: H::Reply::default(), ignored_keys: Vec::new(), had_no_opinion: true };
    if !H::Reply::IS_READ || json.trim_ascii().is_empty() {
        return Ok(nothing());
    }
    match serde_json::from_slice(json).map_err(BadReply::NotJson)? {
        Value::Null => Ok(nothing()),
        Value::Object(members) if members.is_empty() => Ok(nothing()),
        Value::Object(members) => {
            let mut fields = Fields { members, ignored_keys: Vec::new() };
            let reply = H::Reply::from_fields(&mut fields);
            Ok(ReadReply { reply, ignored_keys: fields.ignored_keys, had_no_opinion: false })
        }
        other => match H::Reply::from_other(&other) {
            Some(reply) => Ok(ReadReply { reply, ignored_keys: Vec::new(), had_no_opinion: false }),
            None => Err(BadReply::NotAnObject(type_name(&other))),
        },
    }
}

impl Fields {
    /// Takes the value of `key` through `convert`. A null is absent; a value that `convert` refuses is noted.
    pub fn take<T>(&mut self, key: &str, convert: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let value = self.members.remove(key).filter(|value| !value.is_null())?;
        let converted = convert(value);
        if converted.is_none() {
            self.ignored_keys.push(key.to_owned());
        }
        converted
    }

    /// EC-29: absent, null, false, 0 and "" are false, everything else is true.
    pub fn truthy(&mut self, key: &str) -> bool {
        match self.members.remove(key) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(value)) => value,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(_) | Value::Object(_)) => true,
        }
    }

    /// The app's own code; an integer (S-87).
    pub fn code(&mut self) -> Option<i32> {
        self.take("code", |value| value.as_i64()?.try_into().ok())
    }

    /// A text.
    pub fn text(&mut self, key: &str) -> Option<String> {
        self.take(key, |value| match value {
            Value::String(text) => Some(text),
            _ => None,
        })
    }

    /// A boolean in earnest, not a truthy value.
    pub fn boolean(&mut self, key: &str) -> Option<bool> {
        self.take(key, |value| value.as_bool())
    }

    /// An array of nothing but texts.
    pub fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        self.take(key, |value| serde_json::from_value(value).ok())
    }

    /// An object.
    pub fn object(&mut self, key: &str) -> Option<Map<String, Value>> {
        self.take(key, |value| match value {
            Value::Object(members) => Some(members),
            _ => None,
        })
    }
}

/// Reply of a notification hook: nobody reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoReply;

impl Reply for NoReply {
    const IS_READ: bool = false;

    fn from_fields(_fields: &mut Fields) -> Self {
        Self
    }

    fn from_other(_value: &Value) -> Option<Self> {
        Some(Self)
    }
}

impl Serialize for NoReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_map(Some(0))?.end()
    }
}

macro_rules! deserialize_leniently {
    ($($reply:ty),*) => {$(
        impl<'de> Deserialize<'de> for $reply {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match Value::deserialize(deserializer)? {
                    Value::Null => Ok(Self::default()),
                    Value::Object(members) => {
                        Ok(<Self as Reply>::from_fields(&mut Fields { members, ignored_keys: Vec::new() }))
                    }
                    other => <Self as Reply>::from_other(&other).ok_or_else(|| {
                        de::Error::custom(BadReply::NotAnObject(type_name(&other)))
                    }),
                }
            }
        }
    )*};
}

deserialize_leniently!(
    MessageReply,
    ReceiversOfflineReply,
    ConversationReply,
    ConversationUpdateReply,
    ClientSignReply,
    NoReply
);

pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

impl fmt::Display for BadReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(_) => f.write_str("the hook's reply is not JSON"),
            Self::NotAnObject(found) => write!(f, "the hook's reply is {found}; an object or null is needed"),
        }
    }
}

impl Error for BadReply {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotJson(error) => Some(error),
            Self::NotAnObject(_) => None,
        }
    }
}
