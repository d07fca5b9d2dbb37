//! Sorted sets: members by score.

use super::reply::pairs;
use super::{Command, FromReply, Reply, Result, ToArgument};

/// Gives a member a score. True when the member is new.
pub fn zadd(key: impl ToArgument, member: impl ToArgument, score: f64) -> Result<bool> {
    Command::new("ZADD").arg(key).arg(score).arg(member).run()
}

/// Adds to a member's score; answers the new one.
pub fn zincr_by(key: impl ToArgument, member: impl ToArgument, by: f64) -> Result<f64> {
    Command::new("ZINCRBY").arg(key).arg(by).arg(member).run()
}

/// Removes a member. True when it was there.
pub fn zrem(key: impl ToArgument, member: impl ToArgument) -> Result<bool> {
    Command::new("ZREM").arg(key).arg(member).run()
}

/// A member's score.
pub fn zscore(key: impl ToArgument, member: impl ToArgument) -> Result<Option<f64>> {
    Command::new("ZSCORE").arg(key).arg(member).run()
}

/// How many members have lower scores.
pub fn zrank(key: impl ToArgument, member: impl ToArgument) -> Result<Option<usize>> {
    Command::new("ZRANK").arg(key).arg(member).run()
}

/// How many members have higher scores.
pub fn zrevrank(key: impl ToArgument, member: impl ToArgument) -> Result<Option<usize>> {
    Command::new("ZREVRANK").arg(key).arg(member).run()
}

/// How many members there are.
pub fn zcard(key: impl ToArgument) -> Result<usize> {
    Command::new("ZCARD").arg(key).run()
}

/// Members from one rank to another, lowest score first; -1 is the last.
pub fn zrange<T: FromReply>(key: impl ToArgument, first: i64, last: i64) -> Result<Vec<T>> {
    Command::new("ZRANGE").arg(key).arg(first).arg(last).run()
}

/// The same with their scores.
pub fn zrange_with_scores<T: FromReply>(key: impl ToArgument, first: i64, last: i64) -> Result<Vec<(T, f64)>> {
    with_scores(Command::new("ZRANGE").arg(key).arg(first).arg(last))
}

/// Members from one rank to another, highest score first; -1 is the last.
pub fn zrevrange<T: FromReply>(key: impl ToArgument, first: i64, last: i64) -> Result<Vec<T>> {
    Command::new("ZREVRANGE").arg(key).arg(first).arg(last).run()
}

/// The same with their scores: a list of the best.
pub fn zrevrange_with_scores<T: FromReply>(key: impl ToArgument, first: i64, last: i64) -> Result<Vec<(T, f64)>> {
    with_scores(Command::new("ZREVRANGE").arg(key).arg(first).arg(last))
}

/// Members with scores from `min` to `max`, both included, lowest first.
pub fn zrange_by_score<T: FromReply>(key: impl ToArgument, min: f64, max: f64) -> Result<Vec<T>> {
    Command::new("ZRANGEBYSCORE").arg(key).arg(min).arg(max).run()
}

/// Removes members with scores from `min` to `max`, both included; answers how many.
pub fn zrem_range_by_score(key: impl ToArgument, min: f64, max: f64) -> Result<usize> {
    Command::new("ZREMRANGEBYSCORE").arg(key).arg(min).arg(max).run()
}

fn with_scores<T: FromReply>(command: Command) -> Result<Vec<(T, f64)>> {
    pairs(command.arg("WITHSCORES").run::<Reply>()?)
}
