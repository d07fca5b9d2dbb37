//! Strings and counters.

use std::time::Duration;

use super::keys::milliseconds;
use super::{Command, FromReply, Result, ToArgument};

/// The value of a key; `None` when there is none.
pub fn get<T: FromReply>(key: impl ToArgument) -> Result<Option<T>> {
    Command::new("GET").arg(key).run()
}

/// Sets a value; it does not expire.
pub fn set(key: impl ToArgument, value: impl ToArgument) -> Result<()> {
    Command::new("SET").arg(key).arg(value).run()
}

/// Sets a value that expires.
pub fn set_ex(key: impl ToArgument, value: impl ToArgument, after: Duration) -> Result<()> {
    Command::new("SET").arg(key).arg(value).arg("PX").arg(milliseconds(after)).run()
}

/// Sets a value unless the key has one. True when it was set.
pub fn set_nx(key: impl ToArgument, value: impl ToArgument) -> Result<bool> {
    Command::new("SET").arg(key).arg(value).arg("NX").run()
}

/// The same, with an expiry: what a lock needs.
pub fn set_nx_ex(key: impl ToArgument, value: impl ToArgument, after: Duration) -> Result<bool> {
    Command::new("SET").arg(key).arg(value).arg("NX").arg("PX").arg(milliseconds(after)).run()
}

/// Sets a value; answers the one before.
pub fn get_set<T: FromReply>(key: impl ToArgument, value: impl ToArgument) -> Result<Option<T>> {
    Command::new("GETSET").arg(key).arg(value).run()
}

/// Deletes a key; answers its value.
pub fn get_del<T: FromReply>(key: impl ToArgument) -> Result<Option<T>> {
    Command::new("GETDEL").arg(key).run()
}

/// The values of several keys, in this order; nothing for no keys.
pub fn mget<T: FromReply>(keys: impl IntoIterator<Item = impl ToArgument>) -> Result<Vec<Option<T>>> {
    let mut keys = keys.into_iter().peekable();
    // Redis takes no keys at all for an error.
    if keys.peek().is_none() { Ok(Vec::new()) } else { Command::new("MGET").args(keys).run() }
}

/// Sets several values at once.
pub fn mset(pairs: impl IntoIterator<Item = (impl ToArgument, impl ToArgument)>) -> Result<()> {
    let mut pairs = pairs.into_iter().peekable();
    if pairs.peek().is_none() {
        return Ok(());
    }
    pairs.fold(Command::new("MSET"), |command, (key, value)| command.arg(key).arg(value)).run()
}

/// Adds one to a counter, which begins at zero; answers the new number.
pub fn incr(key: impl ToArgument) -> Result<i64> {
    incr_by(key, 1)
}

/// Adds to a counter, or takes away; answers the new number.
pub fn incr_by(key: impl ToArgument, by: i64) -> Result<i64> {
    Command::new("INCRBY").arg(key).arg(by).run()
}

/// Takes one from a counter; answers the new number.
pub fn decr(key: impl ToArgument) -> Result<i64> {
    incr_by(key, -1)
}

/// Adds to a number with a fraction; answers the new one.
pub fn incr_by_float(key: impl ToArgument, by: f64) -> Result<f64> {
    Command::new("INCRBYFLOAT").arg(key).arg(by).run()
}

/// Puts text at the end of a value; answers its new length in bytes.
pub fn append(key: impl ToArgument, more: impl ToArgument) -> Result<usize> {
    Command::new("APPEND").arg(key).arg(more).run()
}
