//! Lists.

use super::{Command, FromReply, Result, ToArgument};

/// Puts an element before the first; answers how many there are now.
pub fn lpush(key: impl ToArgument, element: impl ToArgument) -> Result<usize> {
    Command::new("LPUSH").arg(key).arg(element).run()
}

/// Puts an element after the last; answers how many there are now.
pub fn rpush(key: impl ToArgument, element: impl ToArgument) -> Result<usize> {
    Command::new("RPUSH").arg(key).arg(element).run()
}

/// Takes the first element out.
pub fn lpop<T: FromReply>(key: impl ToArgument) -> Result<Option<T>> {
    Command::new("LPOP").arg(key).run()
}

/// Takes the last element out.
pub fn rpop<T: FromReply>(key: impl ToArgument) -> Result<Option<T>> {
    Command::new("RPOP").arg(key).run()
}

/// The elements from one index to another, both included; -1 is the last.
pub fn lrange<T: FromReply>(key: impl ToArgument, first: i64, last: i64) -> Result<Vec<T>> {
    Command::new("LRANGE").arg(key).arg(first).arg(last).run()
}

/// Keeps the elements from one index to another only; -1 is the last.
pub fn ltrim(key: impl ToArgument, first: i64, last: i64) -> Result<()> {
    Command::new("LTRIM").arg(key).arg(first).arg(last).run()
}

/// How many elements there are.
pub fn llen(key: impl ToArgument) -> Result<usize> {
    Command::new("LLEN").arg(key).run()
}

/// One element; -1 is the last.
pub fn lindex<T: FromReply>(key: impl ToArgument, index: i64) -> Result<Option<T>> {
    Command::new("LINDEX").arg(key).arg(index).run()
}

/// Removes all elements that are equal to this one; answers how many.
pub fn lrem(key: impl ToArgument, element: impl ToArgument) -> Result<usize> {
    Command::new("LREM").arg(key).arg(0).arg(element).run()
}
