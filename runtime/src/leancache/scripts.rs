//! Scripts that Redis runs, and keeps by the hash of their text.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// Commands whose replies hold stored values, within a budget. See the file.
pub(super) static READ_VALUES: LazyLock<KeptScript> =
    LazyLock::new(|| KeptScript::new(include_str!("read_values.lua")));

/// One step of deleting the keys that begin with the given one, from the given cursor on; answers the next cursor. All of
/// them are in the slot of that one. App ids contain nothing that a pattern takes for more than itself.
pub(super) static CLEAR_STEP: LazyLock<KeptScript> = LazyLock::new(|| {
    KeptScript::new(
        "local page = redis.call('SCAN', ARGV[1], 'MATCH', KEYS[1] .. '*', 'COUNT', ARGV[2])
         for _, key in ipairs(page[2]) do redis.call('UNLINK', key) end
         return page[1]",
    )
});

/// A script, and its name.
pub(super) struct KeptScript {
    text: &'static str,
    script: Script,
}

impl KeptScript {
    fn new(text: &'static str) -> Self {
        Self { text, script: Script::new(text) }
    }

    /// For a Redis that has it. Others refuse with `NOSCRIPT` and do nothing.
    pub(super) fn by_name(&self, keys: &[Vec<u8>], arguments: &[&[u8]]) -> Cmd {
        call("EVALSHA", self.script.get_hash(), keys, arguments)
    }

    /// For every Redis, which has it afterwards.
    pub(super) fn whole(&self, keys: &[Vec<u8>], arguments: &[&[u8]]) -> Cmd {
        call("EVAL", self.text, keys, arguments)
    }
}

fn call(command: &str, script: &str, keys: &[Vec<u8>], arguments: &[&[u8]]) -> Cmd {
    let mut call = redis::cmd(command);
    call.arg(script).arg(keys.len()).arg(keys).arg(arguments);
    call
}
