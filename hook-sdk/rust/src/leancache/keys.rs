//! Keys of any kind.

use std::time::Duration;

use super::{Command, Result, ToArgument};

/// Deletes a key. True when it was there.
pub fn del(key: impl ToArgument) -> Result<bool> {
    Command::new("DEL").arg(key).run()
}

/// True when the key is there.
pub fn exists(key: impl ToArgument) -> Result<bool> {
    Command::new("EXISTS").arg(key).run()
}

/// Lets a key expire. False when there is no such key.
pub fn expire(key: impl ToArgument, after: Duration) -> Result<bool> {
    Command::new("PEXPIRE").arg(key).arg(milliseconds(after)).run()
}

/// How long a key still lives; `None` when it does not expire, or is not there.
pub fn ttl(key: impl ToArgument) -> Result<Option<Duration>> {
    let left: i64 = Command::new("PTTL").arg(key).run()?;
    Ok(u64::try_from(left).ok().map(Duration::from_millis))
}

/// Takes a key's expiry away. True when it had one.
pub fn persist(key: impl ToArgument) -> Result<bool> {
    Command::new("PERSIST").arg(key).run()
}

/// Gives a key another name; an earlier key of that name is deleted.
pub fn rename(from: impl ToArgument, to: impl ToArgument) -> Result<()> {
    Command::new("RENAME").arg(from).arg(to).run()
}

/// At least one: Redis takes zero for an error.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}
