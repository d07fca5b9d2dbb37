//! Commands on keys of any kind: expiry, names, types.

use super::number::{integer, is};
use super::{CommandError, Entry, Space, at_least, commands};
use crate::reply::{Data, Reply};

commands! {
    "DEL" at_least(1), All + scans => delete;
    "UNLINK" at_least(1), All + scans => delete;
    "EXISTS" at_least(1), All => exists;
    "TYPE" 1..=1, First => type_of;
    "EXPIRE" at_least(2), First + scans => |space, arguments| expire(space, arguments, 1_000, true);
    "PEXPIRE" at_least(2), First + scans => |space, arguments| expire(space, arguments, 1, true);
    "EXPIREAT" at_least(2), First + scans => |space, arguments| expire(space, arguments, 1_000, false);
    "PEXPIREAT" at_least(2), First + scans => |space, arguments| expire(space, arguments, 1, false);
    "TTL" 1..=1, First => |space, arguments| time_to_live(space, arguments, 1_000);
    "PTTL" 1..=1, First => |space, arguments| time_to_live(space, arguments, 1);
    "PERSIST" 1..=1, First => persist;
    "RENAME" 2..=2, FirstTwo + scans => rename;
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
    let [key, time, options @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    let options = ExpireOptions::read(options)?;
    let invalid = || CommandError::new("ERR invalid expire time");
    let at = integer(time)?.checked_mul(unit_ms).ok_or_else(invalid)?;
    let now_ms = i64::try_from(space.now_ms).unwrap_or(i64::MAX);
    let at = if from_now { at.checked_add(now_ms).ok_or_else(invalid)? } else { at };
    // What lies in the past has expired already.
    let at = u64::try_from(at).unwrap_or(0);
    let Some(entry) = space.entry(key) else { return Ok(false.into()) };
    if !options.allow(entry.expires_at_ms, at) {
        return Ok(false.into());
    }
    entry.expires_at_ms = Some(at);
    space.entry(key);
    Ok(true.into())
}

/// When another time may take the place of the one that a key has.
#[derive(Default)]
struct ExpireOptions {
    only_if_absent: bool,
    only_if_present: bool,
    only_later: bool,
    only_sooner: bool,
}

impl ExpireOptions {
    fn read(arguments: &[Data]) -> Result<Self, CommandError> {
        let mut options = Self::default();
        for option in arguments {
            let flag = match option {
                option if is(option, "NX") => &mut options.only_if_absent,
                option if is(option, "XX") => &mut options.only_if_present,
                option if is(option, "GT") => &mut options.only_later,
                option if is(option, "LT") => &mut options.only_sooner,
                _ => return Err(CommandError::new("ERR unsupported option; there are NX, XX, GT and LT")),
            };
            *flag = true;
        }
        let Self { only_if_absent, only_if_present, only_later, only_sooner } = options;
        if (only_if_absent && (only_if_present || only_later || only_sooner)) || (only_later && only_sooner) {
            return Err(CommandError::new("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        Ok(options)
    }

    /// A key that does not expire counts as one that expires at the end of time.
    fn allow(&self, before: Option<u64>, at: u64) -> bool {
        match before {
            None => !self.only_if_present && !self.only_later,
            Some(before) => {
                let is_refused =
                    self.only_if_absent || (self.only_later && at <= before) || (self.only_sooner && at >= before);
                !is_refused
            }
        }
    }
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
