//! Lists.

use super::number::{integer, is, range};
use super::value::{End, List};
use super::{CommandError, Space, at_least, commands};
use crate::reply::{Data, Reply};

commands! {
    "LPUSH" at_least(2), First + grows => |space, arguments| push(space, arguments, End::Left);
    "RPUSH" at_least(2), First + grows => |space, arguments| push(space, arguments, End::Right);
    "LPUSHX" at_least(2), First + grows => |space, arguments| push_if_present(space, arguments, End::Left);
    "RPUSHX" at_least(2), First + grows => |space, arguments| push_if_present(space, arguments, End::Right);
    "LPOP" 1..=2, First + reads + counts => |space, arguments| pop(space, arguments, End::Left);
    "RPOP" 1..=2, First + reads + counts => |space, arguments| pop(space, arguments, End::Right);
    "LLEN" 1..=1, First => length;
    "LRANGE" 3..=3, First + reads + scans => list_range;
    "LINDEX" 2..=2, First + reads => index;
    "LSET" 3..=3, First + grows => set;
    "LINSERT" 4..=4, First + grows + scans => insert;
    "LREM" 3..=3, First + scans => remove;
    "LTRIM" 3..=3, First + scans => trim;
    "RPOPLPUSH" 2..=2, FirstTwo + reads => |space, arguments| move_element(space, arguments, End::Right, End::Left);
    "LMOVE" 4..=4, FirstTwo + reads => move_between;
}

fn push(space: &mut Space, arguments: &[Data], end: End) -> Result<Reply, CommandError> {
    let [key, elements @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    space.update(key, |list: &mut List| {
        for element in elements {
            list.push(end, element.clone());
        }
        Ok(list.elements().len().into())
    })
}

fn push_if_present(space: &mut Space, arguments: &[Data], end: End) -> Result<Reply, CommandError> {
    let [key, ..] = arguments else { return Err(CommandError::SYNTAX) };
    if space.read::<List>(key)?.is_none() { Ok(0_usize.into()) } else { push(space, arguments, end) }
}

/// One element, or an array of up to `count`.
fn pop(space: &mut Space, arguments: &[Data], end: End) -> Result<Reply, CommandError> {
    let (key, count) = match arguments {
        [key] => (key, None),
        [key, count] => {
            let out_of_range = CommandError::new("ERR value is out of range, must be positive");
            (key, Some(usize::try_from(integer(count)?).map_err(|_| out_of_range)?))
        }
        _ => return Err(CommandError::SYNTAX),
    };
    let popped = space.update_present(key, |list: &mut List| {
        Ok(match count {
            None => list.pop(end).into(),
            Some(count) => {
                let popped = std::iter::from_fn(|| list.pop(end)).take(count);
                Reply::Array(popped.map(Reply::Bulk).collect())
            }
        })
    })?;
    Ok(popped.unwrap_or(Reply::Nil))
}

fn length(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    Ok(space.read::<List>(key)?.map_or(0, |list| list.elements().len()).into())
}

fn list_range(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, first, last] = arguments else { return Err(CommandError::SYNTAX) };
    let (first, last) = (integer(first)?, integer(last)?);
    let Some(list) = space.read::<List>(key)? else { return Ok(Reply::Array(Vec::new())) };
    let elements = list.elements().range(range(first, last, list.elements().len()));
    Ok(Reply::Array(elements.cloned().map(Reply::Bulk).collect()))
}

/// The position that an index means; `None` outside the list.
fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let index = if index < 0 { index.checked_add(length)? } else { index };
    usize::try_from(index).ok().filter(|_| index < length)
}

fn index(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, index] = arguments else { return Err(CommandError::SYNTAX) };
    let Some(list) = space.read::<List>(key)? else { return Ok(Reply::Nil) };
    let elements = list.elements();
    let position = position(integer(index)?, elements.len());
    Ok(position.and_then(|position| elements.get(position).cloned()).into())
}

fn set(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, index, element] = arguments else { return Err(CommandError::SYNTAX) };
    let set = space.update_present(key, |list: &mut List| {
        let out_of_range = CommandError::new("ERR index out of range");
        let position = position(integer(index)?, list.elements().len()).ok_or(out_of_range)?;
        list.replace(position, element.clone());
        Ok(Reply::ok())
    })?;
    set.ok_or(CommandError::NO_SUCH_KEY)
}

fn insert(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, side, pivot, element] = arguments else { return Err(CommandError::SYNTAX) };
    let offset = match side {
        side if is(side, "BEFORE") => 0,
        side if is(side, "AFTER") => 1,
        _ => return Err(CommandError::SYNTAX),
    };
    let inserted = space.update_present(key, |list: &mut List| {
        let Some(position) = list.elements().iter().position(|candidate| candidate == pivot) else {
            return Ok(Reply::Integer(-1));
        };
        list.rebuild(|mut elements| {
            elements.insert(position + offset, element.clone());
            elements
        });
        Ok(list.elements().len().into())
    })?;
    Ok(inserted.unwrap_or(Reply::Integer(0)))
}

/// Removes up to `count` equal elements; from the end when it is negative, all when it is zero.
fn remove(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, count, element] = arguments else { return Err(CommandError::SYNTAX) };
    let count = integer(count)?;
    let removed = space.update_present(key, |list: &mut List| {
        let mut left = if count == 0 { u64::MAX } else { count.unsigned_abs() };
        let before = list.elements().len();
        let mut keep = |candidate: &Data| {
            let goes = left > 0 && candidate == element;
            left -= u64::from(goes);
            !goes
        };
        list.rebuild(|elements| {
            if count < 0 {
                let mut kept: Vec<Data> = elements.into_iter().rev().filter(|candidate| keep(candidate)).collect();
                kept.reverse();
                kept.into()
            } else {
                elements.into_iter().filter(|candidate| keep(candidate)).collect()
            }
        });
        Ok((before - list.elements().len()).into())
    })?;
    Ok(removed.unwrap_or(Reply::Integer(0)))
}

fn trim(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, first, last] = arguments else { return Err(CommandError::SYNTAX) };
    let (first, last) = (integer(first)?, integer(last)?);
    space.update_present(key, |list: &mut List| {
        let kept = range(first, last, list.elements().len());
        list.rebuild(|elements| elements.into_iter().skip(kept.start).take(kept.len()).collect());
        Ok(())
    })?;
    Ok(Reply::ok())
}

fn end(word: &[u8]) -> Result<End, CommandError> {
    match word {
        word if is(word, "LEFT") => Ok(End::Left),
        word if is(word, "RIGHT") => Ok(End::Right),
        _ => Err(CommandError::SYNTAX),
    }
}

fn move_between(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [_, _, from, to] = arguments else { return Err(CommandError::SYNTAX) };
    move_element(space, arguments, end(from)?, end(to)?)
}

fn move_element(space: &mut Space, arguments: &[Data], from: End, to: End) -> Result<Reply, CommandError> {
    let [source, destination, ..] = arguments else { return Err(CommandError::SYNTAX) };
    if space.read::<List>(source)?.is_none() {
        return Ok(Reply::Nil);
    }
    // Looked at before anything is taken out: a destination of another kind changes nothing.
    space.read::<List>(destination)?;
    let Some(element) = space.update(source, |list: &mut List| Ok(list.pop(from)))? else { return Ok(Reply::Nil) };
    space.update(destination, |list: &mut List| {
        list.push(to, element.clone());
        Ok(())
    })?;
    Ok(Reply::Bulk(element))
}
