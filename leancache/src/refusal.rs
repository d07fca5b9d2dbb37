//! Commands that are not let through, and why.

use std::fmt;

/// Most arguments of one command.
pub const MAX_ARGUMENTS: usize = 5_000;

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not even a name.
    Empty,
    /// Not among the commands of LeanCache.
    NotOffered {
        /// As it was given, cut and made printable.
        name: String,
        /// What to do instead.
        reason: &'static str,
    },
    /// Too few or too many arguments.
    WrongNumberOfArguments {
        /// The command.
        name: &'static str,
    },
    /// More than any command takes.
    TooManyArguments {
        /// The command.
        name: &'static str,
        /// How many there are.
        count: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a command needs a name"),
            Self::NotOffered { name, reason } => write!(f, "`{name}` is not offered by LeanCache: {reason}"),
            Self::WrongNumberOfArguments { name } => write!(f, "wrong number of arguments for `{name}`"),
            Self::TooManyArguments { name, count } => {
                write!(f, "`{name}` has {count} arguments; the limit is {MAX_ARGUMENTS}: send several commands")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// What to do instead of a command that Redis has and LeanCache has not.
pub(crate) fn reason(name: &str) -> &'static str {
    match name {
        "KEYS" | "SCAN" | "RANDOMKEY" | "DBSIZE" => {
            "it looks through the keys of all apps; keep the names of your keys in a set"
        }
        "FLUSHALL" | "FLUSHDB" | "SWAPDB" => "it would reach beyond your app; delete your keys with `DEL`",
        "EVAL" | "EVALSHA" | "EVAL_RO" | "EVALSHA_RO" | "SCRIPT" | "FCALL" | "FCALL_RO" | "FUNCTION" => {
            "scripts could reach beyond your app; use a pipeline"
        }
        "CONFIG" | "ACL" | "CLIENT" | "CLUSTER" | "COMMAND" | "DEBUG" | "INFO" | "LATENCY" | "MEMORY" | "MODULE"
        | "MONITOR" | "SAVE" | "BGSAVE" | "SHUTDOWN" | "SLOWLOG" | "REPLICAOF" | "SLAVEOF" | "MIGRATE" | "DUMP"
        | "RESTORE" | "OBJECT" | "AUTH" | "HELLO" | "RESET" | "QUIT" | "WAIT" => {
            "the server's administration is the operator's"
        }
        "SELECT" | "MOVE" => "every app has one key space of its own",
        "BLPOP" | "BRPOP" | "BRPOPLPUSH" | "BLMOVE" | "BLMPOP" | "BZPOPMIN" | "BZPOPMAX" | "BZMPOP" | "XREAD"
        | "XREADGROUP" => "a call must not wait for another one; use the form that does not block, such as `LPOP`",
        "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE" | "PUBLISH" | "SPUBLISH"
        | "PUBSUB" => "a subscription would have to outlive the call",
        "MULTI" | "EXEC" | "DISCARD" | "WATCH" | "UNWATCH" => "connections are shared; use a pipeline",
        "SORT" | "SORT_RO" => "its patterns could reach beyond your app; use a sorted set",
        _ => "it is not one of the data commands; the documentation lists them",
    }
}
