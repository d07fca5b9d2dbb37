//! Hashes: fields with values under one key.

use std::collections::BTreeMap;

use super::{Command, FromReply, Result, ToArgument};

/// The value of a field; `None` when there is none.
pub fn hget<T: FromReply>(key: impl ToArgument, field: impl ToArgument) -> Result<Option<T>> {
    Command::new("HGET").arg(key).arg(field).run()
}

/// Sets a field. True when it is new.
pub fn hset(key: impl ToArgument, field: impl ToArgument, value: impl ToArgument) -> Result<bool> {
    Command::new("HSET").arg(key).arg(field).arg(value).run()
}

/// Sets several fields; answers how many are new.
pub fn hset_many(
    key: impl ToArgument,
    fields: impl IntoIterator<Item = (impl ToArgument, impl ToArgument)>,
) -> Result<usize> {
    let mut fields = fields.into_iter().peekable();
    if fields.peek().is_none() {
        return Ok(0);
    }
    fields.fold(Command::new("HSET").arg(key), |command, (field, value)| command.arg(field).arg(value)).run()
}

/// The values of several fields, in this order.
pub fn hmget<T: FromReply>(
    key: impl ToArgument,
    fields: impl IntoIterator<Item = impl ToArgument>,
) -> Result<Vec<Option<T>>> {
    let mut fields = fields.into_iter().peekable();
    if fields.peek().is_none() { Ok(Vec::new()) } else { Command::new("HMGET").arg(key).args(fields).run() }
}

/// All fields with their values; none when there is no such key.
pub fn hgetall<T: FromReply>(key: impl ToArgument) -> Result<BTreeMap<String, T>> {
    Command::new("HGETALL").arg(key).run()
}

/// Deletes a field. True when it was there.
pub fn hdel(key: impl ToArgument, field: impl ToArgument) -> Result<bool> {
    Command::new("HDEL").arg(key).arg(field).run()
}

/// True when the field is there.
pub fn hexists(key: impl ToArgument, field: impl ToArgument) -> Result<bool> {
    Command::new("HEXISTS").arg(key).arg(field).run()
}

/// How many fields there are.
pub fn hlen(key: impl ToArgument) -> Result<usize> {
    Command::new("HLEN").arg(key).run()
}

/// Adds to a counter in a field; answers the new number.
pub fn hincr_by(key: impl ToArgument, field: impl ToArgument, by: i64) -> Result<i64> {
    Command::new("HINCRBY").arg(key).arg(field).arg(by).run()
}
