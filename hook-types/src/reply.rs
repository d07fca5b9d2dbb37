//! Reading what a hook answered: truthiness (EC-29) and leniency (EC-30).

use std::collections::BTreeMap;
use std::{error::Error, fmt};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A hook's reply, as [`crate::read_reply`] takes it from JSON.
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

/// The members of a reply object. Each stays text until it is read, so unknown members
/// may nest to any depth.
#[derive(Debug, Default)]
pub struct Fields {
    members: BTreeMap<String, Box<RawValue>>,
    ignored_keys: Vec<String>,
}

/// A reply as the IM core applies it.
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
    NotJson(foreign_json::Error),
    /// JSON, but neither an object nor null; holds the name of the type found.
    NotAnObject(&'static str),
}

/// Reads the JSON text of a reply.
pub(crate) fn read<R: Reply>(json: &str) -> Result<ReadReply<R>, BadReply> {
    let nothing = || ReadReply { reply: R::default(), ignored_keys: Vec::new(), had_no_opinion: true };
    match json.trim_ascii_start().as_bytes().first() {
        None => Ok(nothing()),
        Some(b'{') => {
            let members: BTreeMap<_, _> = foreign_json::from_str(json).map_err(BadReply::NotJson)?;
            if members.is_empty() {
                return Ok(nothing());
            }
            let mut fields = Fields { members, ignored_keys: Vec::new() };
            let reply = R::from_fields(&mut fields);
            Ok(ReadReply { reply, ignored_keys: fields.ignored_keys, had_no_opinion: false })
        }
        Some(_) => match foreign_json::from_str(json).map_err(BadReply::NotJson)? {
            Value::Null => Ok(nothing()),
            other => match R::from_other(&other) {
                Some(reply) => Ok(ReadReply { reply, ignored_keys: Vec::new(), had_no_opinion: false }),
                None => Err(BadReply::NotAnObject(type_name(&other))),
            },
        },
    }
}

impl Fields {
    /// Takes the value of `key` through `convert`. A null is absent; a value that `convert` refuses is noted.
    pub fn take<T>(&mut self, key: &str, convert: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let value = self.members.remove(key).map(|json| foreign_json::from_str(json.get()));
        let converted = match value {
            None | Some(Ok(Value::Null)) => return None,
            Some(Ok(value)) => convert(value),
            // Too deep for any known member.
            Some(Err(_)) => None,
        };
        if converted.is_none() {
            self.ignored_keys.push(key.to_owned());
        }
        converted
    }

    /// EC-29: absent, null, false, 0 and "" are false, everything else is true.
    pub fn truthy(&mut self, key: &str) -> bool {
        let Some(json) = self.members.remove(key) else { return false };
        match foreign_json::from_str(json.get()) {
            Ok(Value::Null) => false,
            Ok(Value::Bool(value)) => value,
            Ok(Value::Number(number)) => number.as_f64() != Some(0.0),
            Ok(Value::String(text)) => !text.is_empty(),
            // Arrays and objects count as true, at any depth.
            Ok(Value::Array(_) | Value::Object(_)) | Err(_) => true,
        }
    }

    /// The app's own code; a whole number (S-87), which may be written `5.0` or `5e0`.
    pub fn code(&mut self) -> Option<i32> {
        let read = |json: &RawValue| foreign_json::from_str::<Option<i32>>(json.get());
        match self.members.remove("code").map(|json| read(&json)) {
            None => None,
            Some(Ok(code)) => code,
            Some(Err(_)) => {
                self.ignored_keys.push("code".to_owned());
                None
            }
        }
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

/// Reply of a notification hook: it is ignored.
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

/// Deserializes replies as [`crate::read_reply`] reads them.
macro_rules! deserialize_leniently {
    ($($reply:ty),*) => {$(
        impl<'de> ::serde::Deserialize<'de> for $reply {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let json = Box::<::serde_json::value::RawValue>::deserialize(deserializer)?;
                $crate::reply::read(json.get()).map(|read| read.reply).map_err(::serde::de::Error::custom)
            }
        }
    )*};
}

pub(crate) use deserialize_leniently;

deserialize_leniently!(NoReply);

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
