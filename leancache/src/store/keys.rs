//! Commands on keys of any kind: expiry, names, types.

use super::number::integer;
use super::{CommandError, Entry, Space, at_least, commands};
use crate::reply::{Data, Reply};

commands! {
    "DEL" at_least(1), All => delete;
    "UNLINK" at_least(1), All => delete;
    "EXISTS" at_least(1), All => exists;
    "TYPE" 1..=1, First => type_of;
    "EXPIRE" 2..=2, First => |space, arguments| expire(space, arguments, 1_000, true);
    "PEXPIRE" 2..=2, First => |space, arguments| expire(space, arguments, 1, true);
    "EXPIREAT" 2..=2, First => |space, arguments| expire(space, arguments, 1_000, false);
    "PEXPIREAT" 2..=2, First => |space, arguments| expire(space, arguments, 1, false);
    "TTL" 1..=1, First => |space, arguments| time_to_live(space, arguments, 1_000);
    "PTTL" 1..=1, First => |space, arguments| time_to_live(space, arguments, 1);
    "PERSIST" 1..=1, First => persist;
    "RENAME" 2..=2, FirstTwo => rename;
    "RENAMENX" 2..=2, FirstTwo => rename_unless_taken;
}

fn delete(space: &mut Space, keys: &[Data]) -> Result<Reply, CommandError> {
    Ok(keys.iter().filter(|key| space.take(key).is_some()).count().into())
}

fn exists(space: &mut Space, keys: &[Data]) -> Result<Reply, CommandError> {
    Ok(keys.iter().filter(|key| space.contains(key)).count().into())
}

fn type_of(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    let name = space.entry(key).map_or("none", |entry| entry.value.type_name());
    Ok(Reply::Status(name.to_owned()))
}

fn expire(space: &mut Space, arguments: &[Data], unit_ms: i64, from_now: bool) -> Result<Reply, CommandError> {
    let [key, time] = arguments else { return Err(CommandError::SYNTAX) };
    let invalid = || CommandError::new("ERR invalid expire time");
    let at = integer(time)?.checked_mul(unit_ms).ok_or_else(invalid)?;
    let now_ms = i64::try_from(space.now_ms).unwrap_or(i64::MAX);
    let at = if from_now { at.checked_add(now_ms).ok_or_else(invalid)? } else { at };
    let Some(entry) = space.entry(key) else { return Ok(false.into()) };
    // What lies in the past has expired already.
    entry.expires_at_ms = Some(u64::try_from(at).unwrap_or(0));
    space.entry(key);
    Ok(true.into())
}

/// -1: it does not expire; -2: there is no such key.
fn time_to_live(space: &mut Space, arguments: &[Data], unit_ms: u64) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    let now_ms = space.now_ms;
    let left = match space.entry(key) {
        None => -2,
        Some(Entry { expires_at_ms: None, .. }) => -1,
        Some(Entry { expires_at_ms: Some(at), .. }) => {
            let left_ms = at.saturating_sub(now_ms);
            // Rounded as Redis does: 1.5 s are 2 s.
            i64::try_from(left_ms.saturating_add(unit_ms / 2) / unit_ms).unwrap_or(i64::MAX)
        }
    };
    Ok(Reply::Integer(left))
}

fn persist(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    Ok(space.entry(key).is_some_and(|entry| entry.expires_at_ms.take().is_some()).into())
}

fn rename(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [from, to] = arguments else { return Err(CommandError::SYNTAX) };
    let entry = space.take(from).ok_or(CommandError::NO_SUCH_KEY)?;
    space.put(to, entry);
    Ok(Reply::ok())
}

fn rename_unless_taken(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [from, to] = arguments else { return Err(CommandError::SYNTAX) };
    if !space.contains(from) {
        return Err(CommandError::NO_SUCH_KEY);
    }
    if space.contains(to) {
        return Ok(false.into());
    }
    rename(space, arguments).map(|_| true.into())
}
