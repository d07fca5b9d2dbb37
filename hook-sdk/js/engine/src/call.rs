//! The exports of the contract.

use rquickjs::{BigInt, Ctx, Function, IntoJs as _, Object, Value, promise::PromiseState};

use crate::bindings::exports::hookd::engine::functions::{Context, Definition, Failure};
use crate::event_loop::{self, End};
use crate::text::Text;
use crate::thrown::{caught, integer, text_of, unthrown};
use crate::timers::Counting;
use crate::{deadline, engine, entry, log, rejections};

/// The integers up to which a number of JavaScript is exact.
const SAFE_INTEGER: u64 = (1 << 53) - 1;

const TIMED_OUT: &str = "The request timed out on the server.";
const NO_APP: &str = "the module was not loaded before the call";

/// `definitions` of the contract.
pub(crate) fn definitions() -> Vec<Definition> {
    let definitions = engine::with(|ctx| {
        let definitions: Function<'_> = entry::with(|entry| entry.definitions.clone())?.restore(ctx).ok()?;
        let list = definitions.call::<_, Vec<Object<'_>>>(());
        let list = list.and_then(|list| {
            list.into_iter()
                .map(|one| Ok(Definition { name: one.get::<_, Text>("name")?.0, internal: one.get("internal")? }))
                .collect()
        });
        if list.is_err() {
            log::write("error", &caught(ctx).text());
        }
        list.ok()
    });
    definitions.flatten().unwrap_or_default()
}

/// `call` of the contract.
pub(crate) fn call(name: &str, params: &str, context: &Context) -> Result<String, Failure> {
    deadline::set_budget(f64::from(context.deadline_ms));
    engine::with(|ctx| {
        let Some(function) = entry::with(|entry| entry.call.clone()) else { return Err(ours(NO_APP)) };
        let called = function
            .restore(ctx)
            .and_then(|call: Function<'_>| call.call::<_, Value<'_>>((name, params, of_caller(ctx, context)?)));
        match called {
            Ok(value) => settled(ctx, name, value),
            Err(_) => Err(failure(ctx, &ctx.catch())),
        }
    })
    .unwrap_or_else(|| Err(ours(NO_APP)))
}

/// `finish` of the contract.
pub(crate) fn finish() {
    engine::with(|ctx| event_loop::run(ctx, None, Counting::KeepingAlive, &|| false));
}

fn settled<'js>(ctx: &Ctx<'js>, name: &str, value: Value<'js>) -> Result<String, Failure> {
    let Some(promise) = value.as_promise() else { return reply(ctx, &value) };
    let is_settled = || promise.state() != PromiseState::Pending;
    if event_loop::run(ctx, Some(&value), Counting::All, &is_settled) == End::NothingLeft {
        log::write(
            "error",
            &format!("{name}: its promise can never settle: no timer and no request is left that it could wait for"),
        );
        return Err(Failure { code: 124, status: 503, message: TIMED_OUT.to_owned() });
    }
    match promise.result::<Value<'js>>() {
        Some(Ok(value)) => reply(ctx, &value),
        Some(Err(_)) => {
            rejections::forget(ctx, &value);
            Err(failure(ctx, &ctx.catch()))
        }
        None => Err(ours("the promise has no result")),
    }
}

fn reply<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<String, Failure> {
    if value.is_undefined() {
        return Ok(String::new());
    }
    value.get::<Text>().map(|text| text.0).map_err(|_| failure(ctx, &ctx.catch()))
}

/// The shim made the rejected value by the contract's rules; anything else is the shim's own failure.
fn failure<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Failure {
    let Some(object) = value.as_object() else { return ours(&text_of(ctx, value)) };
    let message = unthrown(ctx, object.get::<_, Option<Text>>("message")).flatten().map(|text| text.0);
    Failure {
        code: integer(ctx, object, "code").unwrap_or(1),
        status: integer(ctx, object, "status").and_then(|status| u16::try_from(status).ok()).unwrap_or(500),
        message: message.unwrap_or_else(|| text_of(ctx, value)),
    }
}

fn ours(message: &str) -> Failure {
    Failure { code: 1, status: 500, message: message.to_owned() }
}

fn of_caller<'js>(ctx: &Ctx<'js>, context: &Context) -> rquickjs::Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    object.set("requestId", context.request_id.as_str())?;
    object.set("appId", context.app_id.as_str())?;
    object.set("environment", context.environment.as_str())?;
    object.set("deadlineMs", context.deadline_ms)?;
    let texts = [
        ("remoteAddress", &context.remote_address),
        ("sessionToken", &context.session_token),
        ("currentUser", &context.current_user),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            object.set(name, text.as_str())?;
        }
    }
    match context.sequence {
        Some(number) if number > SAFE_INTEGER => {
            object.set("sequence", BigInt::from_u64(ctx.clone(), number)?.into_js(ctx)?)?;
        }
        Some(number) => object.set("sequence", number as f64)?,
        None => {}
    }
    Ok(object)
}
