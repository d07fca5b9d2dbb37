//! Runs jobs, timers and requests until something is done, or nothing is left.

use rquickjs::{Ctx, Value};

use crate::bindings::wasi::clocks0_2_12::monotonic_clock;
use crate::bindings::wasi::io::poll::{self, Pollable};
#[cfg(feature = "http")]
use crate::http;
use crate::timers::{self, Counting};
use crate::{clock, jobs, preparation, rejections};

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    /// No job, timer or request is left that could change anything.
    NothingLeft,
}

/// Runs until `is_done`, or nothing is left. `awaited` is the promise that the engine waits for, if it waits for one.
pub(crate) fn run<'js>(
    ctx: &Ctx<'js>,
    awaited: Option<&Value<'js>>,
    counting: Counting,
    is_done: &dyn Fn() -> bool,
) -> End {
    loop {
        jobs::run(ctx);
        rejections::report(ctx, awaited);
        if is_done() {
            return End::Done;
        }
        if timers::run_due(ctx, is_done) | settle_requests(ctx) {
            continue;
        }
        let due = timers::next_due(counting);
        if preparation::is_preparing() {
            match due {
                Some(due) => clock::advance(due),
                None => return End::NothingLeft,
            }
        } else if !wait(due) {
            return End::NothingLeft;
        }
    }
}

/// Waits for the timer that is due next, or a request. False when there is neither.
fn wait(due: Option<f64>) -> bool {
    let timer = due.map(|due| {
        let milliseconds = (due - clock::now()).max(0.0);
        monotonic_clock::subscribe_duration((milliseconds * 1e6).ceil() as u64)
    });
    let until_one_is_ready = |waiting: Vec<&Pollable>| {
        if !waiting.is_empty() {
            poll::poll(&waiting);
        }
        !waiting.is_empty()
    };
    #[cfg(feature = "http")]
    {
        http::with_pollables(|requests| until_one_is_ready(timer.iter().chain(requests).collect()))
    }
    #[cfg(not(feature = "http"))]
    {
        until_one_is_ready(timer.iter().collect())
    }
}

#[cfg(feature = "http")]
fn settle_requests(ctx: &Ctx<'_>) -> bool {
    http::settle(ctx)
}

#[cfg(not(feature = "http"))]
fn settle_requests(_: &Ctx<'_>) -> bool {
    false
}
