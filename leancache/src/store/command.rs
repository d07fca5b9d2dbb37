//! One command, checked.

use super::{Spec, spec};
use crate::refusal::{MAX_ARGUMENTS, Refusal, reason};
use crate::reply::{Data, PART_BYTES};

/// Longest name of an unknown command that an error repeats.
const SHOWN_NAME: usize = 32;

/// Which arguments of a command are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// The first.
    First,
    /// The first two.
    FirstTwo,
    /// All of them.
    All,
    /// The first, the third …: values stand between them.
    EveryOther,
}

impl Keys {
    /// True when the argument with this index is a key.
    pub fn includes(self, index: usize) -> bool {
        match self {
            Self::First => index == 0,
            Self::FirstTwo => index < 2,
            Self::All => true,
            Self::EveryOther => index.is_multiple_of(2),
        }
    }
}

/// A command that LeanCache offers, with a number of arguments that it takes.
#[derive(Clone, Debug)]
pub struct Command {
    pub(crate) spec: &'static Spec,
    arguments: Vec<Data>,
}

impl Command {
    /// Checks a command given as its words, the name first, in letters of any case.
    ///
    /// # Errors
    /// When it is not offered, or has too few or too many arguments.
    pub fn check(words: Vec<Vec<u8>>) -> Result<Self, Refusal> {
        let mut words = words.into_iter();
        let given = words.next().ok_or(Refusal::Empty)?;
        let name = String::from_utf8_lossy(&given).to_ascii_uppercase();
        let Some(spec) = spec(&name) else {
            let shown = name.chars().take(SHOWN_NAME).flat_map(char::escape_debug).collect();
            return Err(Refusal::NotOffered { name: shown, reason: reason(&name) });
        };
        let count = words.len();
        if count > MAX_ARGUMENTS {
            return Err(Refusal::TooManyArguments { name: spec.name, count });
        }
        let fits = spec.arguments.contains(&count) && (spec.keys != Keys::EveryOther || count.is_multiple_of(2));
        if !fits {
            return Err(Refusal::WrongNumberOfArguments { name: spec.name });
        }
        Ok(Self { spec, arguments: words.map(Data::from).collect() })
    }

    /// Its name, in capitals.
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    /// What comes after the name.
    pub fn arguments(&self) -> &[Data] {
        &self.arguments
    }

    /// Which arguments are keys. No option of an offered command names further ones.
    pub fn keys(&self) -> Keys {
        self.spec.keys
    }

    /// True when its reply carries stored values, and so may be large.
    pub fn returns_values(&self) -> bool {
        let answers_ok = || self.name() == "SET" && !self.arguments.iter().skip(2).any(|option| is_get(option));
        self.spec.returns_values && !answers_ok()
    }

    /// What it counts against `cache_bytes`.
    pub fn size_bytes(&self) -> usize {
        self.arguments.iter().fold(PART_BYTES, |sum, argument| sum + argument.len() + PART_BYTES)
    }
}

fn is_get(option: &[u8]) -> bool {
    option.eq_ignore_ascii_case(b"GET")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Command, Refusal> {
        Command::check(text.split(' ').map(|word| word.as_bytes().to_vec()).collect())
    }

    #[test]
    fn names_are_found_in_letters_of_any_case() {
        assert_eq!(check("hGetAll user").map(|command| command.name()), Ok("HGETALL"));
    }

    #[test]
    fn commands_that_reach_beyond_the_app_are_refused_by_name_with_a_reason() {
        for (text, word) in [
            ("KEYS *", "set"),
            ("SCAN 0", "set"),
            ("FLUSHALL", "DEL"),
            ("EVAL x 0", "pipeline"),
            ("CONFIG GET x", "operator"),
            ("SELECT 1", "key space"),
            ("BLPOP a 0", "LPOP"),
            ("SUBSCRIBE a", "outlive"),
            ("MULTI", "pipeline"),
            ("SORT a BY b", "beyond"),
            ("SHUTDOWN", "operator"),
            ("NOSUCH", "documentation"),
        ] {
            let refused = check(text).unwrap_err().to_string();
            let name = text.split(' ').next().unwrap_or_default();
            assert!(refused.contains(&format!("`{name}`")) && refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn a_wrong_number_of_arguments_is_refused() {
        for text in ["GET", "GET a b", "MSET a", "MSET a 1 b", "SETEX a 1", "DEL"] {
            assert!(matches!(check(text), Err(Refusal::WrongNumberOfArguments { .. })), "{text}");
        }
        let many = vec![b"DEL".to_vec(); MAX_ARGUMENTS + 2];
        assert!(matches!(Command::check(many), Err(Refusal::TooManyArguments { count: 5_001, .. })));
        assert_eq!(Command::check(Vec::new()).unwrap_err(), Refusal::Empty);
    }

    #[test]
    fn a_name_that_is_no_text_is_shown_cut_and_printable() {
        let refused = Command::check(vec![[b"\x1b[31m".as_slice(), &[b'x'; 100]].concat()]).unwrap_err().to_string();
        assert!(!refused.contains('\x1b') && refused.len() < 200, "{refused}");
    }

    #[test]
    fn only_a_set_that_answers_the_old_value_may_have_a_large_reply() {
        assert!(!check("SET a 1 EX 5").unwrap().returns_values());
        assert!(check("SET a 1 get").unwrap().returns_values());
        assert!(check("GET a").unwrap().returns_values());
        assert!(!check("INCR a").unwrap().returns_values());
    }

    #[test]
    fn keys_are_where_redis_has_them() {
        let keys = |text: &str| {
            let command = check(text).unwrap();
            let all = command.arguments().iter().enumerate();
            let keys = all.filter(|(index, _)| command.keys().includes(*index));
            keys.map(|(_, key)| String::from_utf8_lossy(key).into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(keys("SET a 1 EX 5"), "a");
        assert_eq!(keys("MSET a 1 b 2"), "a b");
        assert_eq!(keys("MGET a b c"), "a b c");
        assert_eq!(keys("RENAME a b"), "a b");
        assert_eq!(keys("SMOVE a b member"), "a b");
        assert_eq!(keys("LMOVE a b LEFT RIGHT"), "a b");
        assert_eq!(keys("SUNIONSTORE a b c"), "a b c");
        assert_eq!(keys("ZADD a NX 1 b"), "a");
    }
}
