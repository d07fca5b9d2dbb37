//! LeanCache as scripts call it.

use rquickjs::{Array, BigInt, Ctx, Exception, IntoJs as _, Object, TypedArray, Value};

use crate::bindings::hookd::engine::leancache::{self, Failure, Part};
use crate::preparation;

/// The integers up to which a number of JavaScript is exact.
const SAFE_INTEGER: u64 = (1 << 53) - 1;
/// How deep replies may be nested; those of Redis's data commands are three deep at most.
const MAX_DEPTH: u32 = 32;

/// Carries out one pipeline; an array of the replies.
pub(crate) fn pipeline<'js>(ctx: &Ctx<'js>, commands: &[Vec<Vec<u8>>]) -> rquickjs::Result<Array<'js>> {
    if preparation::is_preparing() {
        return Err(failed(ctx, "unavailable", "no command can be sent while the module is loaded"));
    }
    let parts = leancache::pipeline(commands).map_err(|failure| match failure {
        Failure::Refused(text) => failed(ctx, "refused", &text),
        Failure::Exceeded(text) => failed(ctx, "exceeded", &text),
        Failure::Unavailable(text) => failed(ctx, "unavailable", &text),
    })?;
    let mut parts = parts.into_iter();
    let replies = Array::new(ctx.clone())?;
    for index in 0..commands.len() {
        replies.set(index, value(ctx, &mut parts, MAX_DEPTH)?)?;
    }
    Ok(replies)
}

fn value<'js>(ctx: &Ctx<'js>, parts: &mut std::vec::IntoIter<Part>, depth: u32) -> rquickjs::Result<Value<'js>> {
    let (name, content) = match parts.next() {
        None => return Err(failed(ctx, "unavailable", "the reply is not complete")),
        Some(Part::Nil) => return Ok(Value::new_null(ctx.clone())),
        Some(Part::Integer(number)) if number.unsigned_abs() <= SAFE_INTEGER => {
            return Ok(Value::new_number(ctx.clone(), number as f64));
        }
        Some(Part::Integer(number)) => return BigInt::from_i64(ctx.clone(), number)?.into_js(ctx),
        Some(Part::Array(length)) => {
            let depth =
                depth.checked_sub(1).ok_or_else(|| failed(ctx, "unavailable", "the reply is nested too deep"))?;
            let array = Array::new(ctx.clone())?;
            for index in 0..length {
                array.set(index as usize, value(ctx, parts, depth)?)?;
            }
            return array.into_js(ctx);
        }
        Some(Part::Bulk(bytes)) => ("bulk", TypedArray::new(ctx.clone(), bytes)?.into_value()),
        Some(Part::Status(text)) => ("status", text.into_js(ctx)?),
        Some(Part::Error(text)) => ("error", text.into_js(ctx)?),
    };
    let object = Object::new(ctx.clone())?;
    object.set(name, content)?;
    object.into_js(ctx)
}

fn failed(ctx: &Ctx<'_>, kind: &str, text: &str) -> rquickjs::Error {
    match Exception::from_message(ctx.clone(), text).and_then(|error| {
        error.set("kind", kind)?;
        Ok(error)
    }) {
        Ok(error) => error.throw(),
        Err(error) => error,
    }
}
