//! Uncaught exceptions: of timers, jobs and promises.

use std::cell::RefCell;

use rquickjs::{Ctx, Function, Persistent, Value};

use crate::thrown::{describe, unthrown};
use crate::{entry, log};

/// Rejected promises that are watched at a time; more are not reported.
const WATCHED: usize = 1_000;

struct Rejection {
    promise: Persistent<Value<'static>>,
    reason: Persistent<Value<'static>>,
}

thread_local! {
    static UNHANDLED: RefCell<Vec<Rejection>> = const { RefCell::new(Vec::new()) };
}

/// What QuickJS calls when a promise is rejected without a handler, and again when it gets one.
pub(crate) fn track<'js>(ctx: Ctx<'js>, promise: Value<'js>, reason: Value<'js>, is_handled: bool) {
    if is_handled {
        return forget(&ctx, &promise);
    }
    UNHANDLED.with_borrow_mut(|unhandled| {
        if unhandled.len() < WATCHED {
            unhandled
                .push(Rejection { promise: Persistent::save(&ctx, promise), reason: Persistent::save(&ctx, reason) });
        }
    });
}

/// A handler was added to the promise.
pub(crate) fn forget<'js>(ctx: &Ctx<'js>, promise: &Value<'js>) {
    let forgotten = UNHANDLED.with_borrow_mut(|unhandled| {
        let place = unhandled
            .iter()
            .position(|one| one.promise.clone().restore(ctx).is_ok_and(|watched| watched == *promise))?;
        Some(unhandled.swap_remove(place))
    });
    // Outside the borrow: freeing a value may run code that comes back here.
    drop(forgotten);
}

/// Reports what is still without a handler now that all jobs ran. `excepted` is a promise that the engine itself waits for.
pub(crate) fn report<'js>(ctx: &Ctx<'js>, excepted: Option<&Value<'js>>) {
    if UNHANDLED.with_borrow(Vec::is_empty) {
        return;
    }
    for rejection in UNHANDLED.take() {
        let (Ok(promise), Ok(reason)) = (rejection.promise.restore(ctx), rejection.reason.restore(ctx)) else {
            continue;
        };
        if excepted != Some(&promise) {
            uncaught(ctx, &reason, "unhandledRejection");
        }
    }
}

/// Logs an uncaught exception, unless a handler of the app's own takes it. `kind` is Node's name of the event.
pub(crate) fn uncaught<'js>(ctx: &Ctx<'js>, value: &Value<'js>, kind: &str) {
    let taken = entry::with(|entry| entry.uncaught.clone())
        .flatten()
        .and_then(|handler| handler.restore(ctx).ok())
        .and_then(|handler: Function<'js>| unthrown(ctx, handler.call::<_, bool>((value.clone(), kind))));
    if taken != Some(true) {
        let what = if kind == "unhandledRejection" { "Unhandled rejection" } else { "Uncaught exception" };
        log::write("error", &format!("{what}: {}", describe(ctx, value).text()));
    }
}
