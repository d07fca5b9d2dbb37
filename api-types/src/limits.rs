//! What one app, and one call of its functions, may use.

mod settings;

use std::time::Duration;

pub use self::settings::{InvalidLimits, LimitSettings, Overrides};
use serde::{Deserialize, Serialize};

use crate::FunctionKind;

/// Limits of an app. Each bounds one call, except `concurrency`, `queue` and `disk_bytes`, which bound the app, and those of
/// warm instances. Its owner lowers them; the defaults, or what the operator names instead, are the most that an app gets.
///
/// From the inside out: `cpu_time_ms` runs only while the guest computes; `deadline_ms` runs from the arrival of the
/// request and covers the queue, the CPU time and every wait inside host calls; a caller may set a shorter deadline, never
/// a longer one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Wall time of a call, queueing included. The default goes by the function's kind (`engine-contract` §1.11): 10 s for
    /// blocking hooks, 3 s for notification hooks, 15 s for other functions; see [`Limits::of_kind`].
    pub deadline_ms: u64,
    /// Time on the CPU, looked at every two milliseconds.
    pub cpu_time_ms: u64,
    /// How long work that a function began may go on after its reply (EC-36), and never longer than 15 s after the arrival of the
    /// call.
    pub background_ms: u64,
    /// Linear memory. Modules with a language runtime inside start at 20 to 40 MiB.
    pub memory_bytes: u64,
    /// Elements in one table; tables hold the targets of indirect calls. At most 20,000, the size of a pooled table.
    pub table_elements: usize,
    /// Length of the params' JSON text.
    pub request_bytes: usize,
    /// Length of a reply's JSON text.
    pub reply_bytes: usize,
    /// What a call may write to its log, after which lines are dropped and counted.
    pub log_bytes: usize,
    /// Lines that a call may write to its log. LeanEngine takes 600 a minute from an instance (EC-34).
    pub log_lines: u32,
    /// Commands that a call may send to LeanCache.
    pub cache_commands: u32,
    /// What a call may send to LeanCache and receive from it, together. Each argument and each part of a reply counts 16
    /// bytes besides its own.
    pub cache_bytes: usize,
    /// Calls that an instance of a warm version serves before a fresh one takes its place.
    pub warm_calls: u32,
    /// What the memory of an instance of a warm version may have grown by after a call; a fresh one takes its place beyond it.
    pub warm_growth_bytes: u64,
    /// HTTP requests that a call may send; those that are refused count too.
    pub http_requests: u32,
    /// Bytes that a call may send and receive over HTTP, headers included.
    pub http_bytes: u64,
    /// Calls of the app that run at the same time; those that others of them wait for do not count.
    pub concurrency: u32,
    /// Calls of the app that wait for a free place; further ones are refused at once.
    pub queue: u32,
    /// Modules of the app that are kept, with their machine code; the oldest versions are deleted first.
    pub disk_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline_ms: 15_000,
            cpu_time_ms: 5_000,
            background_ms: 5_000,
            memory_bytes: 128 << 20,
            table_elements: 20_000,
            request_bytes: 20 << 20,
            reply_bytes: 10 << 20,
            log_bytes: 64 << 10,
            log_lines: 600,
            cache_commands: 1_000,
            cache_bytes: 4 << 20,
            warm_calls: 1_000,
            warm_growth_bytes: 16 << 20,
            http_requests: 10,
            http_bytes: 4 << 20,
            concurrency: 64,
            queue: 1_024,
            disk_bytes: 1 << 30,
        }
    }
}

impl Limits {
    /// The defaults for functions of this kind.
    pub fn of_kind(kind: FunctionKind) -> Self {
        let deadline_ms = match kind {
            FunctionKind::BlockingHook => 10_000,
            FunctionKind::NotificationHook => 3_000,
            FunctionKind::Function => 15_000,
        };
        Self { deadline_ms, ..Self::default() }
    }

    /// [`Self::deadline_ms`].
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// [`Self::cpu_time_ms`].
    pub fn cpu_time(&self) -> Duration {
        Duration::from_millis(self.cpu_time_ms)
    }

    /// [`Self::background_ms`].
    pub fn background(&self) -> Duration {
        Duration::from_millis(self.background_ms)
    }

    /// Refuses limits under which no call could succeed, or that the pool cannot honour.
    pub fn validate(&self) -> Result<(), InvalidLimits> {
        let checks = [
            ("deadline_ms", (1..=600_000).contains(&self.deadline_ms), "1 to 600000 (ten minutes)"),
            ("cpu_time_ms", (1..=600_000).contains(&self.cpu_time_ms), "1 to 600000 (ten minutes)"),
            ("background_ms", self.background_ms <= 15_000, "at most 15000 (15 s)"),
            ("memory_bytes", (65_536..=4 << 30).contains(&self.memory_bytes), "65536 (one page) to 4294967296 (4 GiB)"),
            ("table_elements", self.table_elements <= 20_000, "at most 20000"),
            ("request_bytes", (2..=20 << 20).contains(&self.request_bytes), "2 to 20971520 (20 MiB)"),
            ("reply_bytes", (1..=1 << 30).contains(&self.reply_bytes), "1 to 1073741824 (1 GiB)"),
            ("log_bytes", self.log_bytes <= 16 << 20, "at most 16777216 (16 MiB)"),
            ("log_lines", self.log_lines <= 100_000, "at most 100000"),
            ("cache_commands", self.cache_commands <= 100_000, "at most 100000"),
            ("cache_bytes", self.cache_bytes <= 256 << 20, "at most 268435456 (256 MiB)"),
            ("warm_calls", (1..=1_000_000).contains(&self.warm_calls), "1 to 1000000"),
            ("warm_growth_bytes", self.warm_growth_bytes <= 4 << 30, "at most 4294967296 (4 GiB)"),
            ("http_requests", self.http_requests <= 200, "at most 200"),
            ("http_bytes", self.http_bytes <= 1 << 30, "at most 1073741824 (1 GiB)"),
            ("concurrency", (1..=100_000).contains(&self.concurrency), "1 to 100000"),
            ("queue", self.queue <= 1_000_000, "at most 1000000"),
            ("disk_bytes", (1..=1 << 40).contains(&self.disk_bytes), "1 to 1099511627776 (1 TiB)"),
        ];
        match checks.into_iter().find(|(_, valid, _)| !valid) {
            Some((name, _, allowed)) => Err(InvalidLimits::OutOfRange { name, allowed }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        assert_eq!(Limits::default().validate(), Ok(()));
    }

    #[test]
    fn absent_fields_take_their_defaults() {
        let limits: Limits = serde_json::from_str(r#"{"deadline_ms": 100}"#).unwrap();
        assert_eq!(limits, Limits { deadline_ms: 100, ..Limits::default() });
    }

    #[test]
    fn a_concurrency_of_zero_is_refused_by_name() {
        let refused = Limits { concurrency: 0, ..Limits::default() }.validate().unwrap_err();
        assert!(refused.to_string().contains("`concurrency`"), "{refused}");
    }
}
