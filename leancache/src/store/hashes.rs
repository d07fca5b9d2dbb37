//! Hashes: fields with values under one key.

use super::number::{NOT_A_FLOAT, float_sum, integer};
use super::value::Hash;
use super::{CommandError, Space, at_least, commands};
use crate::reply::{Data, Reply};

commands! {
    "HSET" at_least(3), First + grows => set;
    "HMSET" at_least(3), First + grows => |space, arguments| set(space, arguments).map(|_| Reply::ok());
    "HSETNX" 3..=3, First + grows => set_unless_taken;
    "HGET" 2..=2, First + reads => get;
    "HMGET" at_least(2), First + reads => get_many;
    "HGETALL" 1..=1, First + reads + scans => get_all;
    "HKEYS" 1..=1, First + reads + scans => fields;
    "HVALS" 1..=1, First + reads + scans => values;
    "HDEL" at_least(2), First => delete;
    "HEXISTS" 2..=2, First => exists;
    "HLEN" 1..=1, First => length;
    "HSTRLEN" 2..=2, First => value_length;
    "HINCRBY" 3..=3, First + grows => increase;
    "HINCRBYFLOAT" 3..=3, First + grows => increase_by_float;
}

fn set(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, pairs @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    if !pairs.len().is_multiple_of(2) {
        return Err(CommandError::new("ERR wrong number of arguments: a value is missing"));
    }
    space.update(key, |hash: &mut Hash| {
        let mut added = 0;
        for pair in pairs.chunks_exact(2) {
            if let [field, value] = pair {
                added += usize::from(hash.set(field, value.clone()));
            }
        }
        Ok(added.into())
    })
}

fn set_unless_taken(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, field, value] = arguments else { return Err(CommandError::SYNTAX) };
    space.update(key, |hash: &mut Hash| {
        let is_new = !hash.contains(field);
        if is_new {
            hash.set(field, value.clone());
        }
        Ok(is_new.into())
    })
}

fn get(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, field] = arguments else { return Err(CommandError::SYNTAX) };
    Ok(space.read::<Hash>(key)?.and_then(|hash| hash.get(field).cloned()).into())
}

fn get_many(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, fields @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    let hash = space.read::<Hash>(key)?;
    let value = |field: &Data| hash.and_then(|hash| hash.get(field).cloned()).into();
    Ok(Reply::Array(fields.iter().map(value).collect()))
}

fn listed(
    space: &mut Space,
    arguments: &[Data],
    parts: impl Fn(&Data, &Data) -> Vec<Reply>,
) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    let fields = space.read::<Hash>(key)?.map(Hash::in_order).unwrap_or_default();
    Ok(Reply::Array(fields.into_iter().flat_map(|(field, value)| parts(field, value)).collect()))
}

fn get_all(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    listed(space, arguments, |field, value| vec![Reply::Bulk(field.clone()), Reply::Bulk(value.clone())])
}

fn fields(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    listed(space, arguments, |field, _| vec![Reply::Bulk(field.clone())])
}

fn values(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    listed(space, arguments, |_, value| vec![Reply::Bulk(value.clone())])
}

fn delete(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, fields @ ..] = arguments else { return Err(CommandError::SYNTAX) };
    space.update(key, |hash: &mut Hash| Ok(fields.iter().filter(|field| hash.remove(field)).count().into()))
}

fn exists(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, field] = arguments else { return Err(CommandError::SYNTAX) };
    Ok(space.read::<Hash>(key)?.is_some_and(|hash| hash.contains(field)).into())
}

fn length(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key] = arguments else { return Err(CommandError::SYNTAX) };
    Ok(space.read::<Hash>(key)?.map_or(0, |hash| hash.len()).into())
}

fn value_length(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, field] = arguments else { return Err(CommandError::SYNTAX) };
    let value = space.read::<Hash>(key)?.and_then(|hash| hash.get(field));
    Ok(value.map_or(0, |value| value.len()).into())
}

fn increase(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, field, by] = arguments else { return Err(CommandError::SYNTAX) };
    let by = integer(by)?;
    space.update(key, |hash: &mut Hash| {
        let not_an_integer = CommandError::new("ERR hash value is not an integer");
        let before = hash.get(field).map_or(Ok(0), |value| integer(value)).map_err(|_| not_an_integer)?;
        let overflow = CommandError::new("ERR increment or decrement would overflow");
        let after = before.checked_add(by).ok_or(overflow)?;
        hash.set(field, after.to_string().into_bytes().into());
        Ok(Reply::Integer(after))
    })
}

fn increase_by_float(space: &mut Space, arguments: &[Data]) -> Result<Reply, CommandError> {
    let [key, field, by] = arguments else { return Err(CommandError::SYNTAX) };
    float_sum(None, by, NOT_A_FLOAT)?;
    space.update(key, |hash: &mut Hash| {
        let not_a_float = CommandError::new("ERR hash value is not a float");
        let after = float_sum(hash.get(field).map(|value| &**value), by, not_a_float)?;
        hash.set(field, after.clone());
        Ok(Reply::Bulk(after))
    })
}
