//! The keys of one app in memory.

mod command;
mod hashes;
mod keys;
mod lists;
mod long_double;
mod number;
mod sets;
mod sorted_sets;
mod strings;
mod value;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

pub use self::command::{Command, Keys};
use self::value::{Kind, Value};
use crate::reply::{Data, PART_BYTES, Reply};

/// What a key costs besides its bytes and its value.
const KEY_OVERHEAD_BYTES: usize = 96;
/// How long expired keys may stay when they are in the way of new ones: looking for them means to look at all keys.
const SWEEP_EVERY_MS: u64 = 1_000;

/// A command that is offered.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    /// How many it takes.
    pub(crate) arguments: RangeInclusive<usize>,
    pub(crate) keys: Keys,
    pub(crate) returns_values: bool,
    /// Refused when the space is full.
    grows: bool,
    /// Its time grows with what its keys hold.
    scans: bool,
    /// Its time grows with what its keys hold, and with the count, when it is given a count.
    counts: bool,
    run: Run,
}

type Run = fn(&mut Space, &[Data]) -> Result<Reply, CommandError>;

/// Any number of arguments from this one on.
const fn at_least(count: usize) -> RangeInclusive<usize> {
    count..=usize::MAX
}

/// The text of an error reply, as Redis has it.
#[derive(Debug, PartialEq, Eq)]
struct CommandError(Cow<'static, str>);

impl CommandError {
    const WRONG_TYPE: Self = Self::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    const SYNTAX: Self = Self::new("ERR syntax error");
    const NOT_AN_INTEGER: Self = Self::new("ERR value is not an integer or out of range");
    const NO_SUCH_KEY: Self = Self::new("ERR no such key");
    const FULL: Self = Self::new("OOM command not allowed: the app's cache is full; delete keys or let them expire");

    const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

/// All keys of one app. Bounded in memory; an expired key is removed when a command looks at it.
#[derive(Debug)]
pub struct Space {
    entries: HashMap<Data, Entry>,
    bytes: usize,
    max_bytes: usize,
    now_ms: u64,
    /// What the caller takes; a command that could answer without end stops behind it.
    reply_bytes: usize,
    swept_at_ms: u64,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    expires_at_ms: Option<u64>,
}

impl Space {
    /// An empty one that holds at most about `max_bytes`, keys and bookkeeping included. Beyond that, commands that add
    /// data are answered with an error; nothing is evicted.
    pub fn new(max_bytes: usize) -> Self {
        Self { entries: HashMap::new(), bytes: 0, max_bytes, now_ms: 0, reply_bytes: 0, swept_at_ms: 0 }
    }

    /// Carries a command out; `now_ms` is the time since 1970. Errors are replies. A reply of more than `reply_bytes` (see
    /// [`Reply::size_bytes`]) may be cut; it is still larger than that then.
    pub fn execute(&mut self, command: &Command, now_ms: u64, reply_bytes: usize) -> Reply {
        self.now_ms = now_ms;
        self.reply_bytes = reply_bytes;
        let spec = command.spec;
        if spec.grows && !self.has_room_for(command) {
            return Reply::Error(CommandError::FULL.0.into_owned());
        }
        (spec.run)(self, command.arguments()).unwrap_or_else(|error| Reply::Error(error.0.into_owned()))
    }

    /// What is held, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// About how many elements [`execute`](Self::execute) will touch with the same arguments: those that the command
    /// names or answers, and those of values that it reads or removes as a whole. Of a text, each KiB counts.
    pub fn work(&self, command: &Command, now_ms: u64, reply_bytes: usize) -> usize {
        let (spec, arguments) = (command.spec, command.arguments());
        if spec.grows && !self.fits(command) && self.is_time_to_sweep(now_ms) {
            return usize::MAX;
        }
        let count = arguments.get(1).filter(|_| spec.counts);
        let touches_all = spec.scans || count.is_some();
        let keys = arguments.iter().enumerate().filter(|(index, _)| spec.keys.includes(*index));
        let entries = keys.filter_map(|(_, key)| self.entries.get(key));
        let touched = entries.filter(|entry| touches_all || entry.is_expired(now_ms)).map(|entry| entry.value.work());
        let drawn = count.and_then(|count| number::integer(count).ok()).map_or(0, i64::unsigned_abs);
        let drawn = usize::try_from(drawn).unwrap_or(usize::MAX).min(reply_bytes / PART_BYTES);
        touched.fold(arguments.len().saturating_add(drawn), usize::saturating_add)
    }

    fn fits(&self, command: &Command) -> bool {
        let arguments = command.arguments().iter().map(|argument| argument.len() + value::ELEMENT_OVERHEAD_BYTES);
        self.bytes.saturating_add(KEY_OVERHEAD_BYTES + arguments.sum::<usize>()) <= self.max_bytes
    }

    fn is_time_to_sweep(&self, now_ms: u64) -> bool {
        now_ms >= self.swept_at_ms.saturating_add(SWEEP_EVERY_MS)
    }

    fn has_room_for(&mut self, command: &Command) -> bool {
        if !self.fits(command) && self.is_time_to_sweep(self.now_ms) {
            self.swept_at_ms = self.now_ms;
            let now_ms = self.now_ms;
            let expired = self.entries.iter().filter(|(_, entry)| entry.is_expired(now_ms));
            let expired: Vec<Data> = expired.map(|(key, _)| key.clone()).collect();
            for key in expired {
                self.remove(&key);
            }
        }
        self.fits(command)
    }

    fn entry(&mut self, key: &Data) -> Option<&mut Entry> {
        if self.entries.get(key).is_some_and(|entry| entry.is_expired(self.now_ms)) {
            self.remove(key);
        }
        self.entries.get_mut(key)
    }

    fn contains(&mut self, key: &Data) -> bool {
        self.entry(key).is_some()
    }

    /// Takes the key out with its value and expiry.
    fn take(&mut self, key: &Data) -> Option<Entry> {
        self.entry(key)?;
        self.remove(key)
    }

    fn remove(&mut self, key: &Data) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.bytes = self.bytes.saturating_sub(key.len() + KEY_OVERHEAD_BYTES + entry.value.size_bytes());
        if let Some(capacity) = value::smaller_capacity(self.entries.len(), self.entries.capacity()) {
            self.entries.shrink_to(capacity);
        }
        Some(entry)
    }

    /// Sets a value, and replaces an earlier value of any kind.
    fn put(&mut self, key: &Data, entry: Entry) {
        self.remove(key);
        self.bytes += key.len() + KEY_OVERHEAD_BYTES + entry.value.size_bytes();
        self.entries.insert(key.clone(), entry);
    }

    /// The same for a value that may be larger than the command that makes it.
    fn put_within_bounds(&mut self, key: &Data, entry: Entry) -> Result<(), CommandError> {
        let size = |value: &Value| key.len() + KEY_OVERHEAD_BYTES + value.size_bytes();
        let freed = self.entry(key).map_or(0, |before| size(&before.value));
        if self.bytes.saturating_sub(freed).saturating_add(size(&entry.value)) > self.max_bytes {
            return Err(CommandError::FULL);
        }
        self.put(key, entry);
        Ok(())
    }

    /// The value of a key, when it is of this kind.
    fn read<K: Kind>(&mut self, key: &Data) -> Result<Option<&K>, CommandError> {
        match self.entry(key) {
            None => Ok(None),
            Some(entry) => K::of(&entry.value).map(Some).ok_or(CommandError::WRONG_TYPE),
        }
    }

    /// Changes a value of this kind, an empty one when there is none. A key whose value is empty afterwards is removed.
    fn update<K: Kind, R>(
        &mut self,
        key: &Data,
        change: impl FnOnce(&mut K) -> Result<R, CommandError>,
    ) -> Result<R, CommandError> {
        let mut entry = match self.entry(key) {
            Some(entry) if K::of(&entry.value).is_none() => return Err(CommandError::WRONG_TYPE),
            Some(_) => self.remove(key),
            None => None,
        }
        .unwrap_or_else(|| Entry { value: K::default().into_value(), expires_at_ms: None });
        let changed = K::of_mut(&mut entry.value).ok_or(CommandError::WRONG_TYPE).and_then(change);
        entry.value.give_memory_back();
        if !entry.value.is_empty() {
            self.put(key, entry);
        }
        changed
    }

    /// The same for an existing value; `None` when the key does not exist.
    fn update_present<K: Kind, R>(
        &mut self,
        key: &Data,
        change: impl FnOnce(&mut K) -> Result<R, CommandError>,
    ) -> Result<Option<R>, CommandError> {
        if self.contains(key) { self.update(key, change).map(Some) } else { Ok(None) }
    }
}

impl Entry {
    fn is_expired(&self, now_ms: u64) -> bool {
        self.expires_at_ms.is_some_and(|at| at <= now_ms)
    }
}

static SPECS: LazyLock<HashMap<&'static str, &'static Spec>> = LazyLock::new(|| {
    let all =
        [keys::COMMANDS, strings::COMMANDS, hashes::COMMANDS, lists::COMMANDS, sets::COMMANDS, sorted_sets::COMMANDS];
    all.into_iter().flatten().map(|spec| (spec.name, spec)).collect()
});

/// A command by its name in capitals.
pub(crate) fn spec(name: &str) -> Option<&'static Spec> {
    SPECS.get(name).copied()
}

/// The names of all commands that are offered, in order.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = SPECS.keys().copied().collect();
    names.sort_unstable();
    names
}

/// Rows of the tables of commands: name, arguments, keys, flags, function. `reads` is what returns stored values, `grows`
/// what may add data, `scans` and `counts` what may take long (see [`Spec`]).
macro_rules! commands {
    ($($name:literal $arguments:expr, $keys:ident $(+ $flag:ident)* => $run:expr;)*) => {
        pub(super) const COMMANDS: &[crate::store::Spec] = &[$(crate::store::Spec {
            name: $name,
            arguments: $arguments,
            keys: crate::store::Keys::$keys,
            returns_values: false $(|| matches!(stringify!($flag).as_bytes(), b"reads"))*,
            grows: false $(|| matches!(stringify!($flag).as_bytes(), b"grows"))*,
            scans: false $(|| matches!(stringify!($flag).as_bytes(), b"scans"))*,
            counts: false $(|| matches!(stringify!($flag).as_bytes(), b"counts"))*,
            run: $run,
        }),*];
    };
}
use commands;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(space: &mut Space, line: &str, now_ms: u64) -> Reply {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        space.execute(&Command::check(words).unwrap(), now_ms, 1 << 20)
    }

    /// Draws commands from all kinds, on few keys, so that they meet each other's values.
    fn random_line(seed: &mut u64) -> String {
        let mut draw = |below: u64| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*seed >> 33) % below
        };
        let (key, other) = (draw(4), draw(4));
        let (a, b) = (draw(30), draw(30));
        let templates = [
            format!("SET k{key} {a} PX {}", b + 1),
            format!("SET k{key} {a} KEEPTTL"),
            format!("APPEND k{key} {a}"),
            format!("INCRBY k{key} {a}"),
            format!("MSET k{key} {a} k{other} {b}"),
            format!("HSET k{key} f{a} {b} f{b} {a}"),
            format!("HINCRBY k{key} f{a} {b}"),
            format!("HDEL k{key} f{a} f{b}"),
            format!("RPUSH k{key} {a} {b} {a}"),
            format!("LPOP k{key} {b}"),
            format!("LINSERT k{key} AFTER {a} {b}{b}"),
            format!("LSET k{key} 0 {a}{b}"),
            format!("LREM k{key} 0 {a}"),
            format!("LTRIM k{key} 1 {b}"),
            format!("LMOVE k{key} k{other} LEFT RIGHT"),
            format!("SADD k{key} {a} {b} {a}"),
            format!("SREM k{key} {a}"),
            format!("SPOP k{key} {}", b % 3),
            format!("SMOVE k{key} k{other} {a}"),
            format!("SUNIONSTORE k{key} k{other} k{}", a % 4),
            format!("ZADD k{key} {a} m{b} {b} m{a}"),
            format!("ZINCRBY k{key} {a} m{b}"),
            format!("ZREMRANGEBYRANK k{key} 0 {}", b % 3),
            format!("ZPOPMAX k{key}"),
            format!("RENAME k{key} k{other}"),
            format!("EXPIRE k{key} {}", b as i64 - 5),
            format!("GETDEL k{key}"),
            format!("DEL k{key} k{other}"),
        ];
        templates[draw(templates.len() as u64) as usize].clone()
    }

    #[test]
    fn held_bytes_are_counted_exactly() {
        let mut space = Space::new(1 << 20);
        let mut seed = 7;
        for step in 0..50_000 {
            let line = random_line(&mut seed);
            run(&mut space, &line, step);
            let counted: usize = space
                .entries
                .iter()
                .map(|(key, entry)| key.len() + KEY_OVERHEAD_BYTES + entry.value.recounted_bytes())
                .sum();
            assert_eq!(space.size_bytes(), counted, "step {step}: {line}");
            assert!(space.entries.values().all(|entry| !entry.value.is_empty()), "step {step}: {line}");
        }
        run(&mut space, "DEL k0 k1 k2 k3", 100_000);
        assert_eq!(space.size_bytes(), 0);
    }

    /// The words for each of 2,000 members.
    fn for_each_member(words: impl Fn(usize) -> String) -> String {
        (0..2_000).map(words).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_stored_union_stays_within_the_bound() {
        let mut space = Space::new(200_000);
        run(&mut space, &format!("SADD a {}", for_each_member(|number| format!("m{number}"))), 0);
        let before = space.size_bytes();
        assert!(before > 100_000);
        assert!(matches!(run(&mut space, "SUNIONSTORE b a", 0), Reply::Error(text) if text.starts_with("OOM")));
        assert_eq!(space.size_bytes(), before);
        assert_eq!(run(&mut space, "SUNIONSTORE a a", 0), Reply::Integer(2_000), "the old value makes room");
    }

    #[test]
    fn a_collection_that_lost_its_elements_holds_no_memory_for_them() {
        let members = for_each_member(|number| format!("m{number}"));
        let all_but_one = members.strip_prefix("m0 ").unwrap();
        let cases = [
            (format!("HSET k {}", for_each_member(|number| format!("m{number} v"))), format!("HDEL k {all_but_one}")),
            (format!("SADD k {members}"), format!("SREM k {all_but_one}")),
            (format!("ZADD k {}", for_each_member(|number| format!("1 m{number}"))), "ZREMRANGEBYRANK k 1 -1".into()),
            (format!("RPUSH k {members}"), "LTRIM k 0 0".into()),
        ];
        for (add, remove) in cases {
            let mut space = Space::new(16 << 20);
            run(&mut space, &add, 0);
            run(&mut space, &remove, 0);
            let capacities: Vec<usize> = space.entries.values().map(|entry| entry.value.capacity()).collect();
            assert!(matches!(*capacities, [1..=64]), "{}: {capacities:?}", &remove[..5]);
        }
    }

    #[test]
    fn expired_keys_make_room() {
        let mut space = Space::new(1_000);
        let value = "x".repeat(400);
        assert_eq!(run(&mut space, &format!("SET a {value} PX 10"), 0), Reply::ok());
        assert!(matches!(run(&mut space, &format!("SET b {value}{value}"), 5), Reply::Error(_)));
        assert_eq!(run(&mut space, &format!("SET c {value}"), 2_000), Reply::ok());
        assert_eq!(run(&mut space, "EXISTS a", 2_000), Reply::Integer(0));
    }
}
