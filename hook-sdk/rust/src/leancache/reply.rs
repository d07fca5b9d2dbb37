//! Replies, and the types that they can become.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use super::{Error, Result};

/// What Redis answers to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing is there.
    Nil,
    /// A count, a number of seconds …
    Integer(i64),
    /// A stored value, or a number with a fraction as its text.
    Bulk(Vec<u8>),
    /// `OK`, or the name of a type.
    Status(String),
    /// Several replies in one.
    Array(Vec<Reply>),
    /// The command failed.
    Error(String),
}

impl Reply {
    fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nothing",
            Self::Integer(_) => "an integer",
            Self::Bulk(_) => "a value",
            Self::Status(_) => "a status",
            Self::Array(_) => "an array",
            Self::Error(_) => "an error",
        }
    }

    /// The error that it is, or that it is not what was expected.
    fn unexpected(self, expected: &'static str) -> Error {
        match self {
            Self::Error(text) => Error::Command(text),
            other => Error::UnexpectedReply { expected, reply: other.kind() },
        }
    }
}

/// What a reply can become.
#[diagnostic::on_unimplemented(message = "a reply of LeanCache cannot become `{Self}`")]
pub trait FromReply: Sized {
    /// Converts it.
    ///
    /// # Errors
    /// When it is an error, or does not fit.
    fn from_reply(reply: Reply) -> Result<Self>;
}

impl FromReply for Reply {
    fn from_reply(reply: Reply) -> Result<Self> {
        Ok(reply)
    }
}

/// Any reply except an error.
impl FromReply for () {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Error(text) => Err(Error::Command(text)),
            _ => Ok(()),
        }
    }
}

/// `OK` and numbers other than zero are true, nothing is false.
impl FromReply for bool {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Integer(number) => Ok(number != 0),
            Reply::Status(_) => Ok(true),
            Reply::Nil => Ok(false),
            other => Err(other.unexpected("truth value")),
        }
    }
}

impl FromReply for Vec<u8> {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Bulk(bytes) => Ok(bytes),
            Reply::Status(text) => Ok(text.into_bytes()),
            Reply::Integer(number) => Ok(number.to_string().into_bytes()),
            other => Err(other.unexpected("value")),
        }
    }
}

impl FromReply for String {
    fn from_reply(reply: Reply) -> Result<Self> {
        let bytes = Vec::<u8>::from_reply(reply)?;
        String::from_utf8(bytes).map_err(|_| Error::UnexpectedReply { expected: "text", reply: "bytes" })
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl FromReply for $number {
            fn from_reply(reply: Reply) -> Result<Self> {
                let text = String::from_reply(reply)?;
                let expected = concat!("number of type ", stringify!($number));
                text.parse().map_err(|_| Error::UnexpectedReply { expected, reply: "a value" })
            }
        }
    )*};
}

numbers!(i16 i32 i64 isize u16 u32 u64 usize f32 f64);

impl<T: FromReply> FromReply for Option<T> {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Nil => Ok(None),
            other => T::from_reply(other).map(Some),
        }
    }
}

impl<T: FromReply> FromReply for Vec<T> {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Array(replies) => replies.into_iter().map(T::from_reply).collect(),
            Reply::Nil => Ok(Vec::new()),
            other => Err(other.unexpected("list")),
        }
    }
}

/// Keys and values in turn, as `HGETALL` has them, or members and scores.
pub(super) fn pairs<K: FromReply, V: FromReply>(reply: Reply) -> Result<Vec<(K, V)>> {
    let mut replies = match reply {
        Reply::Array(replies) => replies.into_iter(),
        other => return Err(other.unexpected("list of pairs")),
    };
    let mut pairs = Vec::with_capacity(replies.len() / 2);
    while let (Some(key), Some(value)) = (replies.next(), replies.next()) {
        pairs.push((K::from_reply(key)?, V::from_reply(value)?));
    }
    Ok(pairs)
}

impl<K: FromReply + Ord, V: FromReply> FromReply for BTreeMap<K, V> {
    fn from_reply(reply: Reply) -> Result<Self> {
        Ok(pairs(reply)?.into_iter().collect())
    }
}

impl<K: FromReply + Eq + Hash, V: FromReply> FromReply for HashMap<K, V> {
    fn from_reply(reply: Reply) -> Result<Self> {
        Ok(pairs(reply)?.into_iter().collect())
    }
}

macro_rules! tuples {
    ($(($($part:ident)*))*) => {$(
        impl<$($part: FromReply),*> FromReply for ($($part,)*) {
            fn from_reply(reply: Reply) -> Result<Self> {
                const PARTS: usize = [$(stringify!($part)),*].len();
                let mut replies = match reply {
                    Reply::Array(replies) if replies.len() == PARTS => replies.into_iter(),
                    Reply::Array(_) => {
                        return Err(Error::UnexpectedReply { expected: "tuple of this length", reply: "an array" });
                    }
                    other => return Err(other.unexpected("tuple")),
                };
                Ok(($($part::from_reply(replies.next().unwrap_or(Reply::Nil))?,)*))
            }
        }
    )*};
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) }
