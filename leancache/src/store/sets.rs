//! Sets.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use super::number::integer;
use super::value::{Kind as _, Set};
use super::{CommandError, Entry, Space, at_least, commands};
use crate::reply::{Data, PART_BYTES, Reply};

commands! {
    "SADD" at_least(2), First + grows => add;
    "SREM" at_least(2), First => remove;
    "SCARD" 1..=1, First => length;
    "SISMEMBER" 2..=2, First => is_member;
    "SMISMEMBER" at_least(2), First => are_members;
    "SMEMBERS" 1..=1, First + reads + scans => members;
    "SPOP" 1..=2, First + reads + scans => pop;
    "SRANDMEMBER" 1..=2, First + reads + scans + counts => random_members;
    "SMOVE" 3..=3, FirstTwo => move_member;
    "SUNION" at_least(1), All + reads + scans => |space, keys| combined(space, keys, union).map(listed);
    "SINTER" at_least(1), All + reads + scans => |space, keys| combined(space, keys, intersection).map(listed);
    "SDIFF" at_least(1), All + reads + scans => |space, keys| combined(space, keys, difference).map(listed);
    "SUNIONSTORE" at_least(2), All + grows + scans => |space, keys| store(space, keys, union);
    "SINTERSTORE" at_least(2), All + grows + scans => |space, keys| store(space, keys, intersection);
    "SDIFFSTORE" at_least(2), All + grows + scans => |space, keys| store(space, keys, difference);
}

type Members = HashSet<Data>;

fn add(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, members @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    space.update(key, |set: &mut Set| Ok(members.iter().filter(|member| set.insert(member)).count().into()))
}

fn remove(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, members @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    space.update(key, |set: &mut Set| Ok(members.iter().filter(|member| set.remove(member)).count().into()))
}

fn length(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    Ok(space.read::<Set>(key)?.map_or(0, |set| set.members().len()).into())
}

fn is_member(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, member] = arguments else { return Err(CommandError::SYNTAX) };
    Ok(space.read::<Set>(key)?.is_some_and(|set| set.members().contains(member)).into())
}

fn are_members(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, members @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    let set = space.read::<Set>(key)?;
    let is_there = |member: &Data| set.is_some_and(|set| set.members().contains(member)).into();
    Ok(Reply::Array(members.iter().map(is_there).collect()))
}

fn listed(members: Members) -> Reply {
    Reply::Array(members.into_iter().map(Reply::Bulk).collect())
}

fn members(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    combined(space, arguments, union).map(listed)
}

/// A number below `count`; 0 when there is none.
fn drawn(count: usize) -> usize {
    // The standard library's hash keys differ from one to the next: randomness enough to draw a member.
    let drawn = RandomState::new().hash_one(count);
    usize::try_from(drawn % u64::try_from(count).unwrap_or(u64::MAX).max(1)).unwrap_or_default()
}

fn random(set: &Set) -> Option<Data> {
    set.members().iter().nth(drawn(set.members().len())).cloned()
}

/// One member, or an array: of up to `count` different ones, or of exactly so many, each drawn from all, when it is negative.
fn random_members(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let (key, count) = match arguments {
        [key] => return Ok(space.read::<Set>(key)?.and_then(random).into()),
        [key, count] => (key, integer(count)?),
        _ => return Err(CommandError::SYNTAX),
    };
    if count == i64::MIN {
        return Err(CommandError::new("ERR value is out of range"));
    }
    // The one element more makes the reply too large.
    let most = space.reply_bytes / PART_BYTES + 1;
    let Some(set) = space.read::<Set>(key)? else { return Ok(Reply::Array(Vec::new())) };
    let mut members: Vec<&Data> = set.members().iter().collect();
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        let repeated = std::iter::repeat_with(|| members.get(drawn(members.len()))).flatten();
        return Ok(Reply::Array(repeated.take(size.min(most)).map(|member| Reply::bulk((*member).clone())).collect()));
    }
    let size = size.min(members.len());
    for place in 0..size {
        let other = place + drawn(members.len() - place);
        members.swap(place, other);
    }
    Ok(Reply::Array(members.into_iter().take(size).cloned().map(Reply::Bulk).collect()))
}

fn pop(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let pop_one = |set: &mut Set| {
        let member = random(set)?;
        set.remove(&member);
        Some(member)
    };
    match arguments {
        [key] => space.update(key, |set: &mut Set| Ok(pop_one(set).into())),
        [key, count] => {
            let out_of_range = CommandError::new("ERR value is out of range, must be positive");
            let count = usize::try_from(integer(count)?).map_err(|_| out_of_range)?;
            space.update(key, |set: &mut Set| {
                // The order in which a set is read is as good as drawn: no caller can know it.
                let popped: Vec<Data> = set.members().iter().take(count).cloned().collect();
                for member in &popped {
                    set.remove(member);
                }
                Ok(Reply::Array(popped.into_iter().map(Reply::Bulk).collect()))
            })
        }
        _ => Err(CommandError::SYNTAX),
    }
}

fn move_member(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [source, destination, member] = arguments else { return Err(CommandError::SYNTAX) };
    if space.read::<Set>(source)?.is_none() {
        return Ok(false.into());
    }
    space.read::<Set>(destination)?;
    let moved = space.update(source, |set: &mut Set| Ok(set.remove(member)))?;
    if moved {
        space.update(destination, |set: &mut Set| Ok(set.insert(member)))?;
    }
    Ok(moved.into())
}

fn union(all: &mut Members, more: &Members) {
    all.extend(more.iter().cloned());
}

/// As every other way to combine, it takes no longer than the smaller set is long, because a caller may name thousands
/// of small sets after a large one.
fn intersection(all: &mut Members, more: &Members) {
    let (smaller, larger) = if all.len() <= more.len() { (&*all, more) } else { (more, &*all) };
    *all = smaller.iter().filter(|member| larger.contains(*member)).cloned().collect();
}

fn difference(all: &mut Members, more: &Members) {
    if all.len() <= more.len() {
        *all = all.iter().filter(|member| !more.contains(*member)).cloned().collect();
    } else {
        for member in more {
            all.remove(member);
        }
    }
}

/// The first set, combined with each of the others in turn.
fn combined(space: &mut Space, keys: &[Data], combine: fn(&mut Members, &Members)) -> Result<Members, CommandError> {
    let Some((first, others)) = keys.split_first() else { return Err(CommandError::SYNTAX) };
    let mut result = space.read::<Set>(first)?.map(|set| set.members().clone()).unwrap_or_default();
    let mut seen = HashSet::new();
    for key in others {
        let set = space.read::<Set>(key)?;
        // The same set again changes nothing, and a caller may name a large one five thousand times.
        if seen.insert(key) {
            combine(&mut result, set.map(Set::members).unwrap_or(&Members::new()));
        }
    }
    Ok(result)
}

fn store(space: &mut Space, keys: &[Data], combine: fn(&mut Members, &Members)) -> Result<Reply, CommandError> {
    let [destination, sources @ ..] = keys else { return Err(CommandError::SYNTAX) };
    let members = combined(space, sources, combine)?;
    let count = members.len();
    let mut set = Set::default();
    for member in &members {
        set.insert(member);
    }
    if count == 0 {
        space.take(destination);
    } else {
        space.put_within_bounds(destination, Entry { value: set.into_value(), expires_at_ms: None })?;
    }
    Ok(count.into())
}
