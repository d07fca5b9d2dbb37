//! Sets.

use super::{Command, FromReply, Result, ToArgument};

/// Adds a member. True when it is new.
pub fn sadd(key: impl ToArgument, member: impl ToArgument) -> Result<bool> {
    Command::new("SADD").arg(key).arg(member).run()
}

/// Removes a member. True when it was there.
pub fn srem(key: impl ToArgument, member: impl ToArgument) -> Result<bool> {
    Command::new("SREM").arg(key).arg(member).run()
}

/// True when it is a member.
pub fn sismember(key: impl ToArgument, member: impl ToArgument) -> Result<bool> {
    Command::new("SISMEMBER").arg(key).arg(member).run()
}

/// All members, in no order.
pub fn smembers<T: FromReply>(key: impl ToArgument) -> Result<Vec<T>> {
    Command::new("SMEMBERS").arg(key).run()
}

/// How many members there are.
pub fn scard(key: impl ToArgument) -> Result<usize> {
    Command::new("SCARD").arg(key).run()
}

/// Takes any member out.
pub fn spop<T: FromReply>(key: impl ToArgument) -> Result<Option<T>> {
    Command::new("SPOP").arg(key).run()
}

/// The members of any of the sets, of which there must be one at least.
pub fn sunion<T: FromReply>(keys: impl IntoIterator<Item = impl ToArgument>) -> Result<Vec<T>> {
    Command::new("SUNION").args(keys).run()
}

/// The members of all of the sets, of which there must be one at least.
pub fn sinter<T: FromReply>(keys: impl IntoIterator<Item = impl ToArgument>) -> Result<Vec<T>> {
    Command::new("SINTER").args(keys).run()
}

/// The members of the first set that are in none of the others.
pub fn sdiff<T: FromReply>(keys: impl IntoIterator<Item = impl ToArgument>) -> Result<Vec<T>> {
    Command::new("SDIFF").args(keys).run()
}
