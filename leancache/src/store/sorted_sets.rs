//! Sorted sets: members by score.

mod ranges;

use self::ranges::{By, ScoreBounds};
use super::number::{float, float_text, integer, is, range};
use super::value::{Score, SortedSet};
use super::{CommandError, Space, at_least, commands};
use crate::reply::{Data, Reply};

commands! {
    "ZADD" at_least(3), First + grows => add;
    "ZINCRBY" 3..=3, First + grows => increase;
    "ZREM" at_least(2), First => remove;
    "ZSCORE" 2..=2, First => score;
    "ZMSCORE" at_least(2), First => scores;
    "ZCARD" 1..=1, First => length;
    "ZCOUNT" 3..=3, First + scans => count;
    "ZRANK" 2..=2, First + scans => |space, arguments| rank(space, arguments, false);
    "ZREVRANK" 2..=2, First + scans => |space, arguments| rank(space, arguments, true);
    "ZRANGE" at_least(3), First + reads + scans => |space, arguments| ranges::read(space, arguments, None, None);
    "ZREVRANGE" 3..=4, First + reads + scans => |space, arguments| ranges::read(space, arguments, Some(By::Rank), Some(true));
    "ZRANGEBYSCORE" at_least(3), First + reads + scans => |space, arguments| ranges::read(space, arguments, Some(By::Score), Some(false));
    "ZREVRANGEBYSCORE" at_least(3), First + reads + scans => |space, arguments| ranges::read(space, arguments, Some(By::Score), Some(true));
    "ZREMRANGEBYRANK" 3..=3, First + scans => remove_by_rank;
    "ZREMRANGEBYSCORE" 3..=3, First + scans => remove_by_score;
    "ZPOPMIN" 1..=2, First + reads + counts => |space, arguments| pop(space, arguments, false);
    "ZPOPMAX" 1..=2, First + reads + counts => |space, arguments| pop(space, arguments, true);
}

#[derive(Default)]
struct AddOptions {
    only_new: bool,
    only_present: bool,
    only_greater: bool,
    only_less: bool,
    counts_changes: bool,
    increases: bool,
}

impl AddOptions {
    /// The options, and the scores and members after them.
    fn read(mut arguments: &[Data]) -> Result<(Self, &[Data]), CommandError> {
        let mut options = Self::default();
        while let [option, rest @ ..] = arguments {
            let flag = match option {
                option if is(option, "NX") => &mut options.only_new,
                option if is(option, "XX") => &mut options.only_present,
                option if is(option, "GT") => &mut options.only_greater,
                option if is(option, "LT") => &mut options.only_less,
                option if is(option, "CH") => &mut options.counts_changes,
                option if is(option, "INCR") => &mut options.increases,
                _ => break,
            };
            *flag = true;
            arguments = rest;
        }
        let exclusive = [options.only_new, options.only_greater, options.only_less];
        let contradicts = exclusive.into_iter().filter(|flag| *flag).count() > 1
            || (options.only_new && options.only_present)
            || arguments.is_empty()
            || !arguments.len().is_multiple_of(2)
            || (options.increases && arguments.len() != 2);
        if contradicts { Err(CommandError::SYNTAX) } else { Ok((options, arguments)) }
    }

    /// The score that the member gets; `None` leaves it as it is.
    fn score(&self, before: Option<f64>, given: f64) -> Result<Option<f64>, CommandError> {
        let Some(before) = before else { return Ok((!self.only_present).then_some(given)) };
        if self.only_new {
            return Ok(None);
        }
        let after = if self.increases { before + given } else { given };
        if after.is_nan() {
            return Err(CommandError::new("ERR resulting score is not a number (NaN)"));
        }
        let holds_back = (self.only_greater && after <= before) || (self.only_less && after >= before);
        Ok((!holds_back).then_some(after))
    }
}

fn add(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, arguments @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    let (options, pairs) = AddOptions::read(arguments)?;
    let mut members = Vec::with_capacity(pairs.len() / 2);
    for pair in pairs.chunks_exact(2) {
        if let [score, member] = pair {
            members.push((float(score)?, member));
        }
    }
    space.update(key, |set: &mut SortedSet| {
        let (mut added, mut changed, mut last) = (0_usize, 0_usize, None);
        for (given, member) in members {
            let before = set.scores().get(member).copied();
            last = options.score(before, given)?;
            if let Some(after) = last {
                set.set(member, after);
                added += usize::from(before.is_none());
                changed += usize::from(before.is_some_and(|before| before != after));
            }
        }
        Ok(match options {
            AddOptions { increases: true, .. } => last.map(float_text).into(),
            AddOptions { counts_changes: true, .. } => (added + changed).into(),
            _ => added.into(),
        })
    })
}

fn increase(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, by, member] = arguments else { return Err(CommandError::SYNTAX) };
    let by = float(by)?;
    space.update(key, |set: &mut SortedSet| {
        let after = set.scores().get(member).copied().unwrap_or(0.0) + by;
        if after.is_nan() {
            return Err(CommandError::new("ERR resulting score is not a number (NaN)"));
        }
        set.set(member, after);
        Ok(Reply::Bulk(float_text(after)))
    })
}

fn remove(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, members @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    remove_members(space, key, members)
}

fn remove_members(space: &mut Space, key: &Data, members: &[Data]) -> Result<Reply, CommandError> {
    space.update(key, |set: &mut SortedSet| Ok(members.iter().filter(|member| set.remove(member)).count().into()))
}

fn score(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, member] = arguments else { return Err(CommandError::SYNTAX) };
    let score = space.read::<SortedSet>(key)?.and_then(|set| set.scores().get(member).copied());
    Ok(score.map(float_text).into())
}

fn scores(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, members @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    let set = space.read::<SortedSet>(key)?;
    let score = |member: &Data| set.and_then(|set| set.scores().get(member).copied()).map(float_text).into();
    Ok(Reply::Array(members.iter().map(score).collect()))
}

fn length(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    Ok(space.read::<SortedSet>(key)?.map_or(0, |set| set.scores().len()).into())
}

fn rank(space: &mut Space, arguments: &[Data], reverse: bool) -> Result<Reply, CommandError> {
    let [key, member] = arguments else { return Err(CommandError::SYNTAX) };
    let Some(set) = space.read::<SortedSet>(key)? else { return Ok(Reply::Nil) };
    let Some(score) = set.scores().get(member) else { return Ok(Reply::Nil) };
    let below = set.order().range(..(Score(*score), member.clone())).count();
    Ok(if reverse { set.order().len() - 1 - below } else { below }.into())
}

type Scored = (Score, Data);

fn listed(members: Vec<Scored>, with_scores: bool) -> Reply {
    let mut parts = Vec::with_capacity(members.len());
    for (score, member) in members {
        parts.push(Reply::Bulk(member));
        if with_scores {
            parts.push(Reply::Bulk(float_text(score.0)));
        }
    }
    Reply::Array(parts)
}

fn in_order(set: &SortedSet, reverse: bool) -> Box<dyn Iterator<Item = &Scored> + '_> {
    if reverse { Box::new(set.order().iter().rev()) } else { Box::new(set.order().iter()) }
}

fn count(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, min, max] = arguments else { return Err(CommandError::SYNTAX) };
    let bounds = ScoreBounds::read(min, max)?;
    let set = space.read::<SortedSet>(key)?;
    Ok(set.map_or(0, |set| set.scores().values().filter(|score| bounds.include(**score)).count()).into())
}

fn remove_by_rank(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, first, last] = arguments else { return Err(CommandError::SYNTAX) };
    let (first, last) = (integer(first)?, integer(last)?);
    let empty = SortedSet::default();
    let set = space.read::<SortedSet>(key)?.unwrap_or(&empty);
    let ranks = range(first, last, set.order().len());
    let members = in_order(set, false).skip(ranks.start).take(ranks.len());
    let members: Vec<Data> = members.map(|(_, member)| member.clone()).collect();
    remove_members(space, key, &members)
}

fn remove_by_score(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, min, max] = arguments else { return Err(CommandError::SYNTAX) };
    let bounds = ScoreBounds::read(min, max)?;
    let set = space.read::<SortedSet>(key)?;
    let found = set.into_iter().flat_map(SortedSet::scores).filter(|(_, score)| bounds.include(**score));
    let members: Vec<Data> = found.map(|(member, _)| member.clone()).collect();
    remove_members(space, key, &members)
}

fn pop(space: &mut Space, arguments: &[Data], largest: bool) -> Result<Reply, CommandError> {
    let (key, count) = match arguments {
        [key] => (key, 1),
        [key, count] => {
            let out_of_range = CommandError::new("ERR value is out of range, must be positive");
            (key, usize::try_from(integer(count)?).map_err(|_| out_of_range)?)
        }
        _ => return Err(CommandError::SYNTAX),
    };
    let popped = space.update(key, |set: &mut SortedSet| {
        let popped: Vec<Scored> = in_order(set, largest).take(count).cloned().collect();
        for (_, member) in &popped {
            set.remove(member);
        }
        Ok(popped)
    })?;
    Ok(listed(popped, true))
}
