//! Strings and counters.

use super::number::{NOT_A_FLOAT, float_sum, integer, is, range};
use super::value::{Text, Value};
use super::{CommandError, Entry, Space, at_least, commands};
use crate::reply::{Data, Reply};

commands! {
    "GET" 1..=1, First + reads => get;
    "SET" at_least(2), First + reads + grows + scans => set;
    "SETNX" 2..=2, First + grows => set_unless_taken;
    "SETEX" 3..=3, First + grows + scans => |space, arguments| set_expiring(space, arguments, TimeOption::SECONDS);
    "PSETEX" 3..=3, First + grows + scans => |space, arguments| set_expiring(space, arguments, TimeOption::MILLISECONDS);
    "GETSET" 2..=2, First + reads + grows => get_and_set;
    "GETDEL" 1..=1, First + reads => get_and_delete;
    "GETEX" at_least(1), First + reads => get_and_expire;
    "MGET" at_least(1), All + reads => get_many;
    "MSET" at_least(2), EveryOther + grows + scans => set_many;
    "MSETNX" at_least(2), EveryOther + grows => set_many_unless_taken;
    "INCR" 1..=1, First + grows => |space, arguments| add(space, arguments, 1);
    "DECR" 1..=1, First + grows => |space, arguments| add(space, arguments, -1);
    "INCRBY" 2..=2, First + grows => increase;
    "DECRBY" 2..=2, First + grows => decrease;
    "INCRBYFLOAT" 2..=2, First + grows => increase_by_float;
    "APPEND" 2..=2, First + grows + scans => append;
    "STRLEN" 1..=1, First => length;
    "GETRANGE" 3..=3, First + reads + scans => get_range;
}

fn put_text(space: &mut Space, key: &Data, text: Data, expires_at_ms: Option<u64>) {
    space.put(key, Entry { value: Value::Text(Text(text)), expires_at_ms });
}

/// Another text under a key that keeps its expiry.
fn replace_text(space: &mut Space, key: &Data, text: Data) {
    let expires_at_ms = space.entry(key).and_then(|entry| entry.expires_at_ms);
    put_text(space, key, text, expires_at_ms);
}

fn text(space: &mut Space, key: &Data) -> Result<Option<Data>, CommandError> {
    Ok(space.read::<Text>(key)?.map(|text| text.0.clone()))
}

fn get(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    Ok(text(space, key)?.into())
}

/// In which unit an option gives the time of expiry, and whether from now on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct TimeOption {
    unit_ms: i64,
    from_now: bool,
}

impl TimeOption {
    const SECONDS: Self = Self { unit_ms: 1_000, from_now: true };
    const MILLISECONDS: Self = Self { unit_ms: 1, from_now: true };

    /// `None` for other options.
    fn read(option: &[u8]) -> Option<Self> {
        match option {
            option if is(option, "EX") => Some(Self::SECONDS),
            option if is(option, "PX") => Some(Self::MILLISECONDS),
            option if is(option, "EXAT") => Some(Self { from_now: false, ..Self::SECONDS }),
            option if is(option, "PXAT") => Some(Self { from_now: false, ..Self::MILLISECONDS }),
            _ => None,
        }
    }

    /// When the key expires.
    fn at_ms(self, now_ms: u64, value: &[u8]) -> Result<u64, CommandError> {
        let invalid = || CommandError::new("ERR invalid expire time");
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let number = Some(integer(value)?).filter(|number| *number > 0).ok_or_else(invalid)?;
        let at = number.checked_mul(self.unit_ms).ok_or_else(invalid)?;
        let at = if self.from_now { at.checked_add(now_ms).ok_or_else(invalid)? } else { at };
        u64::try_from(at).map_err(|_| invalid())
    }
}

#[derive(Default)]
struct SetOptions<'a> {
    expiry: Option<(TimeOption, &'a Data)>,
    keeps_expiry: bool,
    only_if_absent: bool,
    only_if_present: bool,
    answers_before: bool,
}

impl<'a> SetOptions<'a> {
    fn read(arguments: &'a [Data]) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(option) = arguments.next() {
            if is(option, "NX") {
                options.only_if_absent = true;
            } else if is(option, "XX") {
                options.only_if_present = true;
            } else if is(option, "GET") {
                options.answers_before = true;
            } else if is(option, "KEEPTTL") {
                options.keeps_expiry = true;
            } else {
                let time = TimeOption::read(option).zip(arguments.next()).ok_or(CommandError::SYNTAX)?;
                // The same option may come again; the last one counts.
                if options.expiry.replace(time).is_some_and(|(before, _)| before != time.0) {
                    return Err(CommandError::SYNTAX);
                }
            }
        }
        let contradicts =
            (options.only_if_absent && options.only_if_present) || (options.keeps_expiry && options.expiry.is_some());
        if contradicts { Err(CommandError::SYNTAX) } else { Ok(options) }
    }
}

fn set(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, value, options @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    let options = SetOptions::read(options)?;
    let now_ms = space.now_ms;
    let expires_at_ms = options.expiry.map(|(option, value)| option.at_ms(now_ms, value)).transpose()?;
    let before = if options.answers_before { text(space, key)? } else { None };
    let is_there = space.contains(key);
    let forbidden = if is_there { options.only_if_absent } else { options.only_if_present };
    let allowed = !forbidden;
    if allowed {
        let kept = space.entry(key).and_then(|entry| entry.expires_at_ms).filter(|_| options.keeps_expiry);
        put_text(space, key, value.clone(), expires_at_ms.or(kept));
    }
    Ok(match (options.answers_before, allowed) {
        (true, _) => before.into(),
        (false, true) => Reply::ok(),
        (false, false) => Reply::Nil,
    })
}

fn set_unless_taken(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, value] = arguments else { return Err(CommandError::SYNTAX) };
    let is_new = !space.contains(key);
    if is_new {
        put_text(space, key, value.clone(), None);
    }
    Ok(is_new.into())
}

fn set_expiring(space: &mut Space, arguments: &[Data], option: TimeOption) -> Result<Reply, CommandError> {
    let [key, time, value] = arguments else { return Err(CommandError::SYNTAX) };
    let at = option.at_ms(space.now_ms, time)?;
    put_text(space, key, value.clone(), Some(at));
    Ok(Reply::ok())
}

fn get_and_set(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, value] = arguments else { return Err(CommandError::SYNTAX) };
    let before = text(space, key)?;
    put_text(space, key, value.clone(), None);
    Ok(before.into())
}

fn get_and_delete(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    let before = text(space, key)?;
    space.take(key);
    Ok(before.into())
}

fn get_and_expire(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, options @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    let mut time = None;
    let mut persists = false;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        if is(option, "PERSIST") {
            persists = true;
        } else {
            let another = TimeOption::read(option).zip(options.next()).ok_or(CommandError::SYNTAX)?;
            if time.replace(another).is_some_and(|(before, _)| before != another.0) {
                return Err(CommandError::SYNTAX);
            }
        }
    }
    if persists && time.is_some() {
        return Err(CommandError::SYNTAX);
    }
    let Some(value) = text(space, key)? else { return Ok(Reply::Nil) };
    let now_ms = space.now_ms;
    // Looked at only when there is something to expire.
    let at_ms = time.map(|(option, value)| option.at_ms(now_ms, value)).transpose()?;
    if let Some(entry) = space.entry(key)
        && (persists || at_ms.is_some())
    {
        entry.expires_at_ms = at_ms;
    }
    Ok(Reply::Bulk(value))
}

/// Keys of other kinds count as absent here, unlike everywhere else.
fn get_many(space: &mut Space, keys: &[Data]) -> Result<Reply, CommandError> {
    let texts = keys.iter().map(|key| text(space, key).unwrap_or_default().into());
    Ok(Reply::Array(texts.collect()))
}

fn set_many(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    for pair in arguments.chunks_exact(2) {
        if let [key, value] = pair {
            put_text(space, key, value.clone(), None);
        }
    }
    Ok(Reply::ok())
}

fn set_many_unless_taken(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    if arguments.iter().step_by(2).any(|key| space.contains(key)) {
        return Ok(false.into());
    }
    set_many(space, arguments).map(|_| true.into())
}

fn add(space: &mut Space, arguments: &[Data], by: i64) -> Result<Reply, CommandError> {
    let [key, ..] = arguments else { return Err(CommandError::SYNTAX) };
    let before = text(space, key)?.map_or(Ok(0), |text| integer(&text))?;
    let overflow = CommandError::new("ERR increment or decrement would overflow");
    let after = before.checked_add(by).ok_or(overflow)?;
    replace_text(space, key, after.to_string().into_bytes().into());
    Ok(Reply::Integer(after))
}

fn increase(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [_, by] = arguments else { return Err(CommandError::SYNTAX) };
    add(space, arguments, integer(by)?)
}

fn decrease(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [_, by] = arguments else { return Err(CommandError::SYNTAX) };
    let by = integer(by)?.checked_neg().ok_or(CommandError::new("ERR decrement would overflow"))?;
    add(space, arguments, by)
}

fn increase_by_float(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, by] = arguments else { return Err(CommandError::SYNTAX) };
    let before = text(space, key)?;
    let after = float_sum(before.as_deref(), by, NOT_A_FLOAT)?;
    replace_text(space, key, after.clone());
    Ok(Reply::Bulk(after))
}

fn append(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, more] = arguments else { return Err(CommandError::SYNTAX) };
    let before = text(space, key)?.unwrap_or_else(|| Text::default().0);
    let after = [&*before, more].concat();
    let length = after.len();
    replace_text(space, key, after.into());
    Ok(length.into())
}

fn length(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    Ok(space.read::<Text>(key)?.map_or(0, |text| text.0.len()).into())
}

fn get_range(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, first, last] = arguments else { return Err(CommandError::SYNTAX) };
    let (first, last) = (integer(first)?, integer(last)?);
    let text = text(space, key)?.unwrap_or_else(|| Text::default().0);
    // Unlike in lists, an end before the beginning is the first byte, unless the start lies behind it.
    let is_empty = first < 0 && last < 0 && first > last;
    let last = if last < 0 && last.unsigned_abs() > text.len() as u64 { 0 } else { last };
    let part = if is_empty { None } else { text.get(range(first, last, text.len())) }.unwrap_or_default();
    Ok(Reply::bulk(part))
}
