//! The bounds of one call's use of the cache.

use std::sync::Arc;
use std::time::Duration;

use hookd_leancache::{Command, PART_BYTES, Refusal, Reply};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::{BackendError, COMMANDS_TIMEOUT, CacheError, LeanCache};
use api_types::Limits;

/// Words of commands that are checked without a pause.
const WORDS_AT_ONCE: usize = 2_000;

/// The cache within the limits of one call. Making one costs no allocation: every call has one, few use it.
pub(crate) struct CacheBudget {
    cache: Arc<LeanCache>,
    commands_left: u32,
    bytes_left: usize,
    commands_limit: u32,
    bytes_limit: usize,
    /// When the call ends; `None` outside of a call.
    deadline: Option<Instant>,
}

impl CacheBudget {
    pub(crate) fn new(cache: Arc<LeanCache>, limits: &Limits, deadline: Option<Instant>) -> Self {
        Self {
            cache,
            commands_left: limits.cache_commands,
            bytes_left: limits.cache_bytes,
            commands_limit: limits.cache_commands,
            bytes_limit: limits.cache_bytes,
            deadline,
        }
    }

    /// All of it again, for another call in the same instance.
    pub(crate) fn renew(&mut self, limits: &Limits, deadline: Instant) {
        // Named one by one, so that each new field is handled here.
        let Self { cache: _, commands_left, bytes_left, commands_limit, bytes_limit, deadline: call_deadline } = self;
        (*commands_left, *commands_limit) = (limits.cache_commands, limits.cache_commands);
        (*bytes_left, *bytes_limit) = (limits.cache_bytes, limits.cache_bytes);
        *call_deadline = Some(deadline);
    }

    /// Commands and bytes that were used of it.
    pub(crate) fn used(&self) -> (u32, usize) {
        (self.commands_limit - self.commands_left, self.bytes_limit - self.bytes_left)
    }

    /// Carries commands out, each given as its words; answers their replies in this order.
    pub(crate) async fn run(&mut self, app: &str, commands: Vec<Vec<Vec<u8>>>) -> Result<Vec<Reply>, CacheError> {
        let result = self.run_counted(app, commands).await;
        if let Err(error) = &result {
            self.cache.metrics.record(error);
        }
        result
    }

    async fn run_counted(&mut self, app: &str, commands: Vec<Vec<Vec<u8>>>) -> Result<Vec<Reply>, CacheError> {
        let deadline = self.deadline.ok_or(CacheError::OutsideOfCall)?;
        self.take(&commands)?;
        let commands = checked(commands).await?;
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.cache.metrics.commands.increment(commands.len() as u64);
        let asked = Instant::now();
        let waiting = patience(deadline.saturating_duration_since(asked));
        let running = self.cache.backend.run(app, &commands, self.bytes_left);
        let answered = timeout_at(asked + waiting, running).await;
        self.cache.metrics.duration.record(asked.elapsed());
        let replies = match answered {
            Ok(Ok(replies)) => replies,
            Ok(Err(BackendError::RepliesTooLarge)) => return Err(self.too_many_bytes()),
            Ok(Err(BackendError::Unavailable { reason, cause })) => {
                self.cache.note_outage(&cause);
                return Err(CacheError::Unavailable { reason });
            }
            Err(_) => {
                // A call with little time left says nothing of Redis.
                if waiting == COMMANDS_TIMEOUT && self.cache.can_be_away {
                    self.cache.note_outage("no answer in time");
                }
                return Err(CacheError::TimedOut { waited: waiting });
            }
        };
        self.cache.note_answer();
        let received = replies.iter().fold(0_usize, |sum, reply| sum.saturating_add(reply.size_bytes()));
        self.bytes_left = self.bytes_left.checked_sub(received).ok_or_else(|| self.too_many_bytes())?;
        Ok(replies)
    }

    /// Counts the sent bytes. After exceeding a limit, nothing of it is left.
    fn take(&mut self, commands: &[Vec<Vec<u8>>]) -> Result<(), CacheError> {
        let count = u32::try_from(commands.len()).unwrap_or(u32::MAX);
        let Some(commands_left) = self.commands_left.checked_sub(count) else {
            self.commands_left = 0;
            return Err(CacheError::TooManyCommands { limit: self.commands_limit });
        };
        self.commands_left = commands_left;
        let words = commands.iter().flatten();
        let sent = words.fold(0_usize, |sum, word| sum.saturating_add(word.len() + PART_BYTES));
        self.bytes_left = self.bytes_left.checked_sub(sent).ok_or_else(|| self.too_many_bytes())?;
        Ok(())
    }

    fn too_many_bytes(&mut self) -> CacheError {
        self.bytes_left = 0;
        CacheError::TooManyBytes { limit: self.bytes_limit }
    }
}

/// Commands may have hundreds of thousands of words together: other tasks come in between.
async fn checked(commands: Vec<Vec<Vec<u8>>>) -> Result<Vec<Command>, Refusal> {
    let mut checked = Vec::with_capacity(commands.len());
    let mut words = 0;
    for command in commands {
        words += command.len();
        checked.push(Command::check(command)?);
        if words > WORDS_AT_ONCE {
            words = 0;
            yield_now().await;
        }
    }
    Ok(checked)
}

/// How long to wait for an answer in a call that has `left`: a tenth stays for the function, which must learn of a
/// failure and answer by itself.
fn patience(left: Duration) -> Duration {
    COMMANDS_TIMEOUT.min(left - left / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_learns_of_a_timeout_before_its_own_deadline() {
        assert_eq!(patience(Duration::from_secs(1)), Duration::from_millis(900));
        assert_eq!(patience(Duration::from_secs(10)), COMMANDS_TIMEOUT);
    }
}
