//! What stands in for Redis in `cargo test`: a store in memory, a new one for each test, as each runs in a thread of its own.
//!
//! It takes the commands that the engine takes, and answers what Redis answers.
//!
//! ```
//! use hook_sdk::leancache::{self, stand_in};
//! use std::time::Duration;
//!
//! leancache::set_ex("typing", "Tom", Duration::from_secs(5)).unwrap();
//! stand_in::advance(Duration::from_secs(6));
//! assert_eq!(leancache::get::<String>("typing"), Ok(None));
//!
//! stand_in::break_down();
//! assert!(leancache::set("typing", "Jerry").is_err());
//! ```

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hookd_leancache::{Command, Space};

use super::{Error, Reply, Result};

/// What the engine's embedded store gives an app.
const MAX_BYTES: usize = 16 << 20;

/// What the engine lets a call receive by default.
const MAX_REPLY_BYTES: usize = 4 << 20;

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State::new());
}

struct State {
    space: Space,
    advanced: Duration,
    is_down: bool,
}

impl State {
    fn new() -> Self {
        Self { space: Space::new(MAX_BYTES), advanced: Duration::ZERO, is_down: false }
    }
}

/// Lets time pass for keys that expire.
pub fn advance(by: Duration) {
    STATE.with_borrow_mut(|state| state.advanced += by);
}

/// Lets every command of this thread fail with [`Error::Unavailable`] from now on, until [`reset`].
pub fn break_down() {
    STATE.with_borrow_mut(|state| state.is_down = true);
}

/// Empty again, and in order.
pub fn reset() {
    STATE.with_borrow_mut(|state| *state = State::new());
}

pub(super) fn run(commands: &[Vec<Vec<u8>>]) -> Result<Vec<Reply>> {
    STATE.with_borrow_mut(|state| {
        if state.is_down {
            return Err(Error::Unavailable("LeanCache is not available: the test broke it down".to_owned()));
        }
        let checked: std::result::Result<Vec<Command>, _> = commands.iter().cloned().map(Command::check).collect();
        let checked = checked.map_err(|refusal| Error::Refused(refusal.to_string()))?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + state.advanced;
        let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Ok(checked.iter().map(|command| reply(state.space.execute(command, now_ms, MAX_REPLY_BYTES))).collect())
    })
}

fn reply(reply: hookd_leancache::Reply) -> Reply {
    use hookd_leancache::Reply as Stored;
    match reply {
        Stored::Nil => Reply::Nil,
        Stored::Integer(number) => Reply::Integer(number),
        Stored::Bulk(data) => Reply::Bulk(data.to_vec()),
        Stored::Status(text) => Reply::Status(text),
        Stored::Error(text) => Reply::Error(text),
        Stored::Array(replies) => Reply::Array(replies.into_iter().map(self::reply).collect()),
    }
}
