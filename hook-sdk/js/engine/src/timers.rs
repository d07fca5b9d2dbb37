//! Timers, immediates and microtasks.

use std::cell::{Cell, RefCell};

use rquickjs::function::{Func, Opt, Rest};
use rquickjs::{Coerced, Ctx, Exception, Function, Persistent, Value};

use crate::{clock, jobs, preparation, rejections};

/// The longest time that a timer can have, as in Node and browsers; a longer one counts as the shortest.
const MAX_DELAY: f64 = 2_147_483_647.0;
const MIN_DELAY: f64 = 1.0;
/// Timers that may wait at a time. Each holds a function; a script that begins more is in a loop.
const MAX_TIMERS: usize = 100_000;

type Call = (Persistent<Function<'static>>, Vec<Persistent<Value<'static>>>);

struct Timer {
    id: u32,
    /// On the clock of the instance.
    due: f64,
    /// The time between two calls of an interval.
    every: Option<f64>,
    /// Work goes on for it after the reply. Not for those of the app's top level, which are in every instance.
    keeps_alive: bool,
    call: Call,
}

#[derive(Default)]
struct Timers {
    /// In the order of their ids, which is that of their beginnings.
    waiting: Vec<Timer>,
    immediates: Vec<(u32, Call)>,
}

thread_local! {
    static TIMERS: RefCell<Timers> =
        const { RefCell::new(Timers { waiting: Vec::new(), immediates: Vec::new() }) };
    static LAST_ID: Cell<u32> = const { Cell::new(0) };
}

/// Which timers count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Intervals too: they may settle a promise.
    All,
    /// Those that keep an instance at work after the reply.
    KeepingAlive,
}

impl Counting {
    fn counts(self, timer: &Timer) -> bool {
        self == Self::All || timer.keeps_alive
    }
}

/// Puts the functions into the global object.
pub(crate) fn define(ctx: &Ctx<'_>) -> rquickjs::Result<()> {
    let globals = ctx.globals();
    globals.set("setTimeout", Func::from(|ctx, call, delay, rest| begin(&ctx, call, delay, rest, false)))?;
    globals.set("setInterval", Func::from(|ctx, call, delay, rest| begin(&ctx, call, delay, rest, true)))?;
    globals.set("setImmediate", Func::from(begin_immediate))?;
    for name in ["clearTimeout", "clearInterval", "clearImmediate"] {
        globals.set(name, Func::from(clear))?;
    }
    globals.set("queueMicrotask", Func::from(|call: Function<'_>| call.defer(())))
}

/// Whether the timer keeps an instance at work after the reply (`ref` and `unref` of Node). Intervals never do.
pub(crate) fn set_keeps_alive(id: u32, keeps_alive: bool) {
    TIMERS.with_borrow_mut(|timers| {
        if let Some(timer) = timers.waiting.iter_mut().find(|timer| timer.id == id) {
            timer.keeps_alive = keeps_alive && timer.every.is_none();
        }
    });
}

fn begin<'js>(
    ctx: &Ctx<'js>,
    call: Function<'js>,
    delay: Opt<Coerced<f64>>,
    arguments: Rest<Value<'js>>,
    repeats: bool,
) -> rquickjs::Result<u32> {
    let delay = delay.0.map_or(MIN_DELAY, |delay| delay.0);
    let delay = if (MIN_DELAY..=MAX_DELAY).contains(&delay) { delay.floor() } else { MIN_DELAY };
    let due = clock::now() + delay;
    let every = repeats.then_some(delay);
    let keeps_alive = !repeats && !preparation::is_preparing();
    let call = save(ctx, call, arguments);
    let id = new_id();
    TIMERS.with_borrow_mut(|timers| {
        if timers.waiting.len() >= MAX_TIMERS {
            return Err(too_many(ctx));
        }
        timers.waiting.push(Timer { id, due, every, keeps_alive, call });
        Ok(id)
    })
}

fn begin_immediate<'js>(ctx: Ctx<'js>, call: Function<'js>, arguments: Rest<Value<'js>>) -> rquickjs::Result<u32> {
    let call = save(&ctx, call, arguments);
    let id = new_id();
    TIMERS.with_borrow_mut(|timers| {
        if timers.immediates.len() >= MAX_TIMERS {
            return Err(too_many(&ctx));
        }
        timers.immediates.push((id, call));
        Ok(id)
    })
}

fn too_many(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_range(ctx, &format!("more than {MAX_TIMERS} timers are waiting"))
}

fn save<'js>(ctx: &Ctx<'js>, call: Function<'js>, arguments: Rest<Value<'js>>) -> Call {
    let arguments = arguments.0.into_iter().map(|argument| Persistent::save(ctx, argument)).collect();
    (Persistent::save(ctx, call), arguments)
}

/// Ids begin with 1, so that each is true.
fn new_id() -> u32 {
    LAST_ID.set(LAST_ID.get().wrapping_add(1).max(1));
    LAST_ID.get()
}

/// What is no id of a waiting timer is passed over.
fn clear(id: Opt<Coerced<f64>>) {
    let id = id.0.map_or(0.0, |id| id.0);
    let removed = TIMERS.with_borrow_mut(|timers| {
        let waiting = timers.waiting.iter().position(|timer| f64::from(timer.id) == id);
        let immediate = timers.immediates.iter().position(|(other, _)| f64::from(*other) == id);
        (waiting.map(|place| timers.waiting.remove(place)), immediate.map(|place| timers.immediates.remove(place)))
    });
    // Outside the borrow: freeing a function may run code that comes back here.
    drop(removed);
}

/// When the next one is due, on the clock of the instance.
pub(crate) fn next_due(counting: Counting) -> Option<f64> {
    TIMERS.with_borrow(|timers| {
        if !timers.immediates.is_empty() {
            return Some(0.0);
        }
        timers.waiting.iter().filter(|timer| counting.counts(timer)).map(|timer| timer.due).min_by(f64::total_cmp)
    })
}

/// Runs all immediates and the timers that are due, each with the jobs that it causes, until `is_done`. True when one ran.
pub(crate) fn run_due(ctx: &Ctx<'_>, is_done: &dyn Fn() -> bool) -> bool {
    let (immediates, has_timers) =
        TIMERS.with_borrow_mut(|timers| (std::mem::take(&mut timers.immediates), !timers.waiting.is_empty()));
    let mut ran = false;
    let mut immediates = immediates.into_iter();
    for (_, call) in immediates.by_ref() {
        run(ctx, call);
        ran = true;
        if is_done() {
            break;
        }
    }
    // Those that did not come to their turn are before any that were begun meanwhile.
    TIMERS.with_borrow_mut(|timers| timers.immediates.splice(0..0, immediates).for_each(drop));
    if !has_timers || ran && is_done() {
        return ran;
    }
    let now = clock::now();
    while let Some(call) = take_due(now) {
        run(ctx, call);
        ran = true;
        if is_done() {
            break;
        }
    }
    ran
}

/// The call of the timer that has been due the longest; an interval begins anew.
fn take_due(now: f64) -> Option<Call> {
    TIMERS.with_borrow_mut(|timers| {
        let (place, timer) = timers
            .waiting
            .iter_mut()
            .enumerate()
            .filter(|(_, timer)| timer.due <= now)
            .min_by(|(_, one), (_, other)| one.due.total_cmp(&other.due))?;
        match timer.every {
            Some(every) => {
                timer.due = now + every;
                Some(timer.call.clone())
            }
            None => Some(timers.waiting.remove(place).call),
        }
    })
}

fn run(ctx: &Ctx<'_>, (function, arguments): Call) {
    let called = function.restore(ctx).and_then(|function| {
        let arguments: rquickjs::Result<Vec<Value<'_>>> =
            arguments.into_iter().map(|argument| argument.restore(ctx)).collect();
        function.call::<_, Value<'_>>((Rest(arguments?),)).map(drop)
    });
    if called.is_err() {
        rejections::uncaught(ctx, &ctx.catch(), "uncaughtException");
    }
    jobs::run(ctx);
}
