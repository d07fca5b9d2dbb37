//! Members between two ends: two ranks, two scores, or two members of one score.

use super::{Scored, in_order, listed};
use crate::reply::{Data, Reply};
use crate::store::number::{bound, integer, is, range};
use crate::store::value::SortedSet;
use crate::store::{CommandError, Space};

/// What the ends of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Member,
}

/// What follows the two ends.
struct Options {
    by: By,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    /// Negative: all.
    count: i64,
}

impl Options {
    /// `by` and `reverse`: what the name of the command says already.
    fn read(mut arguments: &[Data], mut by: Option<By>, mut reverse: Option<bool>) -> Result<Self, CommandError> {
        let (mut with_scores, mut offset, mut count) = (false, 0, -1);
        loop {
            arguments = match arguments {
                [] => break,
                [option, rest @ ..] if is(option, "WITHSCORES") => {
                    with_scores = true;
                    rest
                }
                [option, skipped, taken, rest @ ..] if is(option, "LIMIT") => {
                    (offset, count) = (integer(skipped)?, integer(taken)?);
                    rest
                }
                [option, rest @ ..] if reverse.is_none() && is(option, "REV") => {
                    reverse = Some(true);
                    rest
                }
                [option, rest @ ..] if by.is_none() && is(option, "BYSCORE") => {
                    by = Some(By::Score);
                    rest
                }
                [option, rest @ ..] if by.is_none() && is(option, "BYLEX") => {
                    by = Some(By::Member);
                    rest
                }
                _ => return Err(CommandError::SYNTAX),
            };
        }
        let by = by.unwrap_or(By::Rank);
        if (by == By::Rank && count != -1) || (by == By::Member && with_scores) {
            return Err(CommandError::SYNTAX);
        }
        Ok(Self { by, reverse: reverse.unwrap_or(false), with_scores, offset, count })
    }

    /// Those of the members that the offset and the count leave.
    fn limit<'a>(&self, members: impl Iterator<Item = &'a Scored>) -> Vec<Scored> {
        // A negative offset finds nothing, a negative count everything.
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        members.skip(offset).take(count).cloned().collect()
    }
}

/// `ZRANGE` and related commands.
pub(super) fn read(
    space: &mut Space,
    arguments: &[Data],
    by: Option<By>,
    reverse: Option<bool>,
) -> Result<Reply, CommandError> {
    let [key, first, last, options @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    let options = Options::read(options, by, reverse)?;
    // From the greater end to the lesser one.
    let (min, max) = if options.reverse { (last, first) } else { (first, last) };
    let empty = SortedSet::default();
    let members = match options.by {
        By::Rank => {
            let (first, last) = (integer(first)?, integer(last)?);
            let set = space.read::<SortedSet>(key)?.unwrap_or(&empty);
            let ranks = range(first, last, set.order().len());
            in_order(set, options.reverse).skip(ranks.start).take(ranks.len()).cloned().collect()
        }
        By::Score => {
            let bounds = ScoreBounds::read(min, max)?;
            let set = space.read::<SortedSet>(key)?.unwrap_or(&empty);
            options.limit(in_order(set, options.reverse).filter(|(score, _)| bounds.include(score.0)))
        }
        By::Member => {
            let bounds = MemberBounds::read(min, max)?;
            let set = space.read::<SortedSet>(key)?.unwrap_or(&empty);
            if !bounds.may_include(set) {
                return Ok(Reply::Array(Vec::new()));
            }
            // As Redis looks for them, also where the scores differ: from the first one that is not before the range on.
            let reverse = options.reverse;
            let is_before = |member: &Data| if reverse { bounds.is_above(member) } else { bounds.is_below(member) };
            let is_behind = |member: &Data| if reverse { bounds.is_below(member) } else { bounds.is_above(member) };
            let members = in_order(set, reverse).skip_while(|(_, member)| is_before(member));
            options.limit(members.take_while(|(_, member)| !is_behind(member)))
        }
    };
    Ok(listed(members, options.with_scores))
}

/// Scores from `min` to `max`; `(1.5` leaves 1.5 itself out.
pub(super) struct ScoreBounds {
    min: (f64, bool),
    max: (f64, bool),
}

impl ScoreBounds {
    pub(super) fn read(min: &[u8], max: &[u8]) -> Result<Self, CommandError> {
        let end = |text: &[u8]| {
            let (text, excluded) = text.strip_prefix(b"(").map_or((text, false), |rest| (rest, true));
            let score = bound(text).ok_or(CommandError::new("ERR min or max is not a float"))?;
            Ok((score, excluded))
        };
        Ok(Self { min: end(min)?, max: end(max)? })
    }

    pub(super) fn include(&self, score: f64) -> bool {
        let above = if self.min.1 { score > self.min.0 } else { score >= self.min.0 };
        let below = if self.max.1 { score < self.max.0 } else { score <= self.max.0 };
        above && below
    }
}

/// An end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum MemberBound<'a> {
    /// `-`
    Least,
    /// `[a`, or `(a` without `a` itself.
    Member(&'a [u8]),
    /// `+`
    Greatest,
}

/// Members from `min` to `max`, by their bytes.
struct MemberBounds<'a> {
    min: (MemberBound<'a>, bool),
    max: (MemberBound<'a>, bool),
}

impl<'a> MemberBounds<'a> {
    fn read(min: &'a [u8], max: &'a [u8]) -> Result<Self, CommandError> {
        let end = |text: &'a [u8]| match text {
            b"-" => Ok((MemberBound::Least, false)),
            b"+" => Ok((MemberBound::Greatest, false)),
            [b'[', member @ ..] => Ok((MemberBound::Member(member), false)),
            [b'(', member @ ..] => Ok((MemberBound::Member(member), true)),
            _ => Err(CommandError::new("ERR min or max not valid string range item")),
        };
        Ok(Self { min: end(min)?, max: end(max)? })
    }

    fn is_below(&self, member: &[u8]) -> bool {
        let member = MemberBound::Member(member);
        if self.min.1 { member <= self.min.0 } else { member < self.min.0 }
    }

    fn is_above(&self, member: &[u8]) -> bool {
        let member = MemberBound::Member(member);
        if self.max.1 { member >= self.max.0 } else { member > self.max.0 }
    }

    /// Looks at both ends of the set only.
    fn may_include(&self, set: &SortedSet) -> bool {
        let is_empty = self.min.0 > self.max.0 || (self.min.0 == self.max.0 && (self.min.1 || self.max.1));
        let (first, last) = (set.order().first(), set.order().last());
        !is_empty
            && last.is_some_and(|(_, member)| !self.is_below(member))
            && first.is_some_and(|(_, member)| !self.is_above(member))
    }
}
