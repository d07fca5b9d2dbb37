//! What scripts threw, as texts.

use rquickjs::{Coerced, Ctx, Function, Object, Value};

use crate::entry;
use crate::text::Text;

/// Characters of a stack that a log line shows.
const STACK_CHARACTERS: usize = 8_000;

/// A thrown value for people.
#[derive(Default)]
pub(crate) struct Thrown {
    /// Name and message.
    pub(crate) message: String,
    pub(crate) stack: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<i32>,
}

impl Thrown {
    /// Message and stack.
    pub(crate) fn text(&self) -> String {
        let stack: String = self.stack.as_deref().unwrap_or_default().chars().take(STACK_CHARACTERS).collect();
        let stack = stack.trim_end();
        match stack {
            "" => self.message.clone(),
            _ if stack.starts_with(self.message.as_str()) => stack.to_owned(),
            _ => format!("{}\n{stack}", self.message),
        }
    }
}

/// The pending exception.
pub(crate) fn caught(ctx: &Ctx<'_>) -> Thrown {
    let value = ctx.catch();
    describe(ctx, &value)
}

/// Asks the shim, which knows the sources. Whatever a getter of the value throws is dropped.
pub(crate) fn describe<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Thrown {
    let by_shim = entry::with(|entry| entry.describe_error.clone())
        .flatten()
        .and_then(|describe| describe.restore(ctx).ok())
        .and_then(|describe: Function<'js>| unthrown(ctx, describe.call::<_, Object<'js>>((value.clone(),))));
    by_shim.map_or_else(|| without_shim(ctx, value), |object| of_object(ctx, &object))
}

fn of_object<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Thrown {
    let text = |name: &str| unthrown(ctx, object.get::<_, Option<Text>>(name)).flatten().map(|text| text.0);
    Thrown {
        message: text("message").unwrap_or_default(),
        stack: text("stack"),
        file: text("file"),
        line: unthrown(ctx, object.get::<_, Option<i32>>("line")).flatten(),
    }
}

fn without_shim<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Thrown {
    let stack = value
        .as_object()
        .filter(|_| value.is_error())
        .and_then(|error| unthrown(ctx, error.get::<_, Option<Text>>("stack")).flatten())
        .map(|text| text.0);
    let (file, line) = stack.as_deref().and_then(place).unzip();
    Thrown { message: text_of(ctx, value), stack, file, line }
}

/// `String(value)`, or what kind of value it is where that throws.
pub(crate) fn text_of<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> String {
    unthrown(ctx, value.get::<Text>()).map_or_else(|| format!("a value of type {}", value.type_name()), |text| text.0)
}

/// File and line of the first frame of a stack that has both.
fn place(stack: &str) -> Option<(String, i32)> {
    stack.lines().find_map(|line| {
        let frame = line.trim().strip_prefix("at ")?;
        let place = frame.rsplit_once('(').map_or(frame, |(_, place)| place.trim_end_matches(')'));
        let (place, last) = place.rsplit_once(':')?;
        let last: i32 = last.parse().ok()?;
        match place.rsplit_once(':') {
            Some((file, line)) if line.parse::<i32>().is_ok() => Some((file.to_owned(), line.parse().ok()?)),
            _ => Some((place.to_owned(), last)),
        }
    })
}

/// The value, or none after an exception, which is dropped.
pub(crate) fn unthrown<Out>(ctx: &Ctx<'_>, result: rquickjs::Result<Out>) -> Option<Out> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            if error.is_exception() {
                ctx.catch();
            }
            None
        }
    }
}

/// An error as a number: `code` and the like.
pub(crate) fn integer<'js>(ctx: &Ctx<'js>, object: &Object<'js>, name: &str) -> Option<i32> {
    unthrown(ctx, object.get::<_, Option<Coerced<f64>>>(name))
        .flatten()
        .map(|number| number.0)
        .filter(|number| number.fract() == 0.0 && f64::from(i32::MIN) <= *number && *number <= f64::from(i32::MAX))
        .map(|number| number as i32)
}
