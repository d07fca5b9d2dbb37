//! The states of one breaker, without clock, lock or log.

use std::time::Duration;

use tokio::time::Instant;

use crate::app::ImSettings;
use crate::hooks::FailureCause;

/// When to open, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// 0: the breaker never opens.
    pub(super) failures: u32,
    /// How long an open breaker stays so.
    pub(super) cool_down: Duration,
}

impl Limits {
    pub(super) fn of(settings: &ImSettings) -> Self {
        let cool_down = Duration::from_millis(settings.hook_breaker_cool_down_ms);
        Self { failures: settings.hook_breaker_failures, cool_down }
    }
}

/// How a call ended, as far as the engine is concerned.
#[derive(Clone, Copy)]
pub(super) enum End {
    Answered,
    EngineFailed(FailureCause),
    GivenUp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Closed,
    Open {
        until: Instant,
    },
    HalfOpen,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Breaker {
    pub(super) state: State,
    /// Failures of the engine since its last answer.
    pub(super) failures: u32,
    pub(super) last_cause: Option<FailureCause>,
    /// When it left `Closed`; failed probes do not change it.
    pub(super) opened: Option<Instant>,
    /// Changes with the state: a call that began before the last change says nothing about the engine since then.
    epoch: u64,
}

impl Breaker {
    /// The epoch of an admitted call, for [`Self::end`]; `None` when the call must fail at once.
    pub(super) fn admit(&mut self, now: Instant, limits: Limits) -> Option<u64> {
        match self.state {
            _ if limits.failures == 0 => self.close(),
            State::Closed => {}
            State::Open { until } if now >= until => self.change(State::HalfOpen),
            State::Open { .. } | State::HalfOpen => return None,
        }
        Some(self.epoch)
    }

    /// What became of an admitted call.
    pub(super) fn end(&mut self, epoch: u64, end: End, now: Instant, limits: Limits) {
        if epoch != self.epoch {
            return;
        }
        match (end, self.state) {
            (End::Answered, _) => self.close(),
            (End::EngineFailed(cause), state) => {
                self.failures = self.failures.saturating_add(1);
                self.last_cause = Some(cause);
                let enough = limits.failures > 0 && self.failures >= limits.failures;
                if enough || state == State::HalfOpen {
                    self.opened.get_or_insert(now);
                    self.change(State::Open { until: now + limits.cool_down });
                }
            }
            // The next call may try: the cool-down is over already.
            (End::GivenUp, State::HalfOpen) => self.change(State::Open { until: now }),
            (End::GivenUp, State::Closed | State::Open { .. }) => {}
        }
    }

    /// Lets the next call try the engine, where the breaker is open.
    pub(super) fn end_cool_down(&mut self, now: Instant) {
        if let State::Open { until } = &mut self.state {
            *until = now;
        }
    }

    fn close(&mut self) {
        self.failures = 0;
        self.last_cause = None;
        self.opened = None;
        self.change(State::Closed);
    }

    fn change(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.epoch += 1;
        }
    }

    /// The failure of a call that is not admitted.
    pub(super) fn refusal(&self, now: Instant) -> String {
        let next_try = match self.state {
            State::Open { until } => format!("the next try is in {} ms", milliseconds(until - now)),
            State::Closed | State::HalfOpen => "a call is trying the engine now".to_owned(),
        };
        let cause = self.last_cause.map_or("nothing", FailureCause::name);
        format!(
            "the circuit breaker of this hook is open: the engine failed {} times in a row, last with `{cause}`; {next_try}",
            self.failures
        )
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Breaker, End, Limits, State};
    use crate::hooks::FailureCause;

    const COOL_DOWN: Duration = Duration::from_millis(500);
    const LIMITS: Limits = Limits { failures: 3, cool_down: COOL_DOWN };
    const FAILED: End = End::EngineFailed(FailureCause::Unavailable);

    fn call(breaker: &mut Breaker, end: End, now: Instant) {
        let epoch = breaker.admit(now, LIMITS).unwrap();
        breaker.end(epoch, end, now, LIMITS);
    }

    fn open(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        (0..3).for_each(|_| call(&mut breaker, FAILED, now));
        assert_eq!(breaker.state, State::Open { until: now + COOL_DOWN });
        breaker
    }

    #[test]
    fn an_answer_between_failures_keeps_it_closed() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for end in [FAILED, FAILED, End::Answered, FAILED, FAILED] {
            call(&mut breaker, end, now);
        }
        assert_eq!(breaker.state, State::Closed);
        call(&mut breaker, FAILED, now);
        assert_ne!(breaker.state, State::Closed);
    }

    #[test]
    fn after_the_cool_down_one_call_passes_and_its_answer_closes() {
        let now = Instant::now();
        let mut breaker = open(now);
        assert_eq!(breaker.admit(now + COOL_DOWN - Duration::from_millis(1), LIMITS), None);
        let probe = breaker.admit(now + COOL_DOWN, LIMITS).unwrap();
        assert_eq!((breaker.state, breaker.admit(now + COOL_DOWN, LIMITS)), (State::HalfOpen, None));
        breaker.end(probe, End::Answered, now + COOL_DOWN, LIMITS);
        assert_eq!((breaker.state, breaker.failures, breaker.last_cause), (State::Closed, 0, None));
    }

    #[test]
    fn a_failed_probe_opens_it_again_at_once() {
        let now = Instant::now();
        let mut breaker = open(now);
        let later = now + COOL_DOWN;
        call(&mut breaker, FAILED, later);
        assert_eq!(breaker.state, State::Open { until: later + COOL_DOWN });
        assert_eq!(breaker.opened, Some(now), "it answered nothing in between");
        call(&mut breaker, End::Answered, later + COOL_DOWN);
        assert_eq!(breaker.opened, None);
    }

    #[test]
    fn a_cool_down_that_was_ended_lets_one_call_pass() {
        let now = Instant::now();
        let mut breaker = open(now);
        breaker.end_cool_down(now);
        assert!(breaker.admit(now, LIMITS).is_some());
        assert_eq!(breaker.admit(now, LIMITS), None);
        breaker.end_cool_down(now);
        assert_eq!(breaker.state, State::HalfOpen, "the probe is still under way");
    }

    #[test]
    fn a_probe_that_is_given_up_leaves_its_turn_to_the_next_call() {
        let now = Instant::now();
        let mut breaker = open(now);
        call(&mut breaker, End::GivenUp, now + COOL_DOWN);
        assert!(breaker.admit(now + COOL_DOWN, LIMITS).is_some());
    }

    #[test]
    fn calls_from_before_a_change_are_not_counted_after_it() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        let early: Vec<u64> = (0..6).map(|_| breaker.admit(now, LIMITS).unwrap()).collect();
        early[..3].iter().for_each(|epoch| breaker.end(*epoch, FAILED, now, LIMITS));
        breaker.end(early[3], End::Answered, now, LIMITS);
        assert_ne!(breaker.state, State::Closed, "an answer from before says nothing of the engine now");
        call(&mut breaker, End::Answered, now + COOL_DOWN);
        early[4..].iter().for_each(|epoch| breaker.end(*epoch, FAILED, now + COOL_DOWN, LIMITS));
        assert_eq!((breaker.state, breaker.failures), (State::Closed, 0));
    }

    #[test]
    fn switched_off_it_closes_and_never_opens() {
        let now = Instant::now();
        let mut breaker = open(now);
        let off = Limits { failures: 0, ..LIMITS };
        for _ in 0..100 {
            let epoch = breaker.admit(now, off).unwrap();
            breaker.end(epoch, FAILED, now, off);
        }
        assert_eq!(breaker.state, State::Closed);
    }
}
