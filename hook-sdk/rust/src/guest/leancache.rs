//! Commands through `hookd:engine/leancache`.

use crate::bindings::hookd::engine::leancache::{self, Failure, Part};
use crate::leancache::{Error, Reply, Result};

/// One round trip; a reply for each command.
pub fn leancache(commands: &[Vec<Vec<u8>>]) -> Result<Vec<Reply>> {
    let parts = match commands {
        [command] => leancache::execute(command),
        commands => leancache::pipeline(commands),
    }?;
    let mut parts = parts.into_iter();
    let mut replies = Vec::with_capacity(commands.len());
    while let Some(reply) = next(&mut parts) {
        replies.push(reply);
    }
    Ok(replies)
}

/// The next reply: a part, and the parts after it when it is an array.
fn next(parts: &mut impl Iterator<Item = Part>) -> Option<Reply> {
    Some(match parts.next()? {
        Part::Nil => Reply::Nil,
        Part::Integer(number) => Reply::Integer(number),
        Part::Bulk(bytes) => Reply::Bulk(bytes),
        Part::Status(text) => Reply::Status(text),
        Part::Error(text) => Reply::Error(text),
        Part::Array(count) => Reply::Array((0..count).map_while(|_| next(parts)).collect()),
    })
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(text) => Self::Refused(text),
            Failure::Exceeded(text) => Self::Exceeded(text),
            Failure::Unavailable(text) => Self::Unavailable(text),
        }
    }
}
