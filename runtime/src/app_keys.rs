//! Secrets of apps.

use std::str::FromStr;

use api_types::{UnusableKey, usable_key};
use constant_time_eq::constant_time_eq;
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use thiserror::Error;

/// 32 letters and digits: 190 bits, and nothing that a URL, a header or a shell would need escaped.
const KEY_CHARS: usize = 32;

/// One of the keys of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The key that clients send.
    App,
    /// The key that the owner sends.
    Master,
    /// The key that the platform sends when it calls hooks.
    Hook,
}

/// The secrets of an app.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) app_key: String,
    pub(crate) master_key: String,
    pub(crate) hook_key: String,
}

impl Keys {
    #[cfg(test)]
    pub(crate) fn generate() -> Self {
        Self { app_key: generate_key(), master_key: generate_key(), hook_key: generate_key() }
    }

    /// A new key in place of one; the others stay.
    pub(crate) fn renew(&mut self, kind: KeyKind) {
        let key = match kind {
            KeyKind::App => &mut self.app_key,
            KeyKind::Master => &mut self.master_key,
            KeyKind::Hook => &mut self.hook_key,
        };
        *key = generate_key();
    }
}

/// A word that names no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a key of an app; use `app`, `master` or `hook`")]
pub struct UnknownKeyKind(pub String);

impl FromStr for KeyKind {
    type Err = UnknownKeyKind;

    fn from_str(word: &str) -> Result<Self, UnknownKeyKind> {
        match word {
            "app" => Ok(Self::App),
            "master" => Ok(Self::Master),
            "hook" => Ok(Self::Hook),
            other => Err(UnknownKeyKind(other.to_owned())),
        }
    }
}

/// Keys that an app brings along. The keys of an app of LeanCloud are in the hands of its users' devices.
#[derive(Clone, Debug, Default)]
pub struct GivenKeys {
    /// [`crate::App::app_key`]; generated when absent.
    pub app_key: Option<String>,
    /// [`crate::App::master_key`]; generated when absent.
    pub master_key: Option<String>,
    /// [`crate::App::hook_key`]; generated when absent.
    pub hook_key: Option<String>,
}

/// A key that cannot be used, or that equals another key of the app.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidKey {
    /// Which one, and what is wrong with it.
    #[error("the {0} key {1}")]
    Unusable(&'static str, UnusableKey),
    /// The holder of one key would hold the other.
    #[error("the app key, the master key and the hook key must differ from each other")]
    SameTwice,
}

impl GivenKeys {
    /// These keys, and new ones for absent ones.
    pub(crate) fn completed(self) -> Result<Keys, InvalidKey> {
        let given = |name, key: Option<String>| match key {
            None => Ok(generate_key()),
            Some(key) => match usable_key(&key) {
                Ok(key) => Ok(key.to_owned()),
                Err(unusable) => Err(InvalidKey::Unusable(name, unusable)),
            },
        };
        let keys = Keys {
            app_key: given("app", self.app_key)?,
            master_key: given("master", self.master_key)?,
            hook_key: given("hook", self.hook_key)?,
        };
        let same = keys.app_key == keys.master_key || keys.app_key == keys.hook_key || keys.master_key == keys.hook_key;
        if same { Err(InvalidKey::SameTwice) } else { Ok(keys) }
    }
}

/// A new secret, from the system's random source.
pub fn generate_key() -> String {
    rand::rng().sample_iter(Alphanumeric).take(KEY_CHARS).map(char::from).collect()
}

/// Compares in a time that depends on the lengths only.
pub fn keys_equal(expected: &str, given: &str) -> bool {
    constant_time_eq(expected.as_bytes(), given.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_keys_stay_and_absent_ones_are_generated() {
        let given = GivenKeys { app_key: Some("x".repeat(24)), ..GivenKeys::default() };
        let keys = given.completed().ok().unwrap();
        assert_eq!(keys.app_key, "x".repeat(24));
        assert_eq!(keys.master_key.len(), KEY_CHARS);
    }

    #[test]
    fn keys_that_cannot_be_sent_or_are_equal_are_refused() {
        for (key, problem) in [
            ("", UnusableKey::Empty),
            (" \n", UnusableKey::Empty),
            ("short", UnusableKey::Short(5)),
            ("with space", UnusableKey::Unprintable),
            ("with,comma", UnusableKey::Unprintable),
            ("schlüssel-schlüssel", UnusableKey::Unprintable),
            (&"x".repeat(129), UnusableKey::Long(129)),
        ] {
            let given = GivenKeys { master_key: Some(key.to_owned()), ..GivenKeys::default() };
            assert_eq!(given.completed().err(), Some(InvalidKey::Unusable("master", problem)), "{key}");
        }
        let with_line_ends = |key: &str| Some(format!("\u{feff}{key}\r\n"));
        let given = GivenKeys { master_key: with_line_ends("master-key"), ..GivenKeys::default() };
        assert_eq!(given.completed().ok().unwrap().master_key, "master-key");
        let (app_key, master_key) = (with_line_ends("the-same-key"), Some("the-same-key".to_owned()));
        let same = GivenKeys { app_key, master_key, hook_key: None };
        assert_eq!(same.completed().err(), Some(InvalidKey::SameTwice));
        let key = Some("the-same-key".to_owned());
        let given = GivenKeys { app_key: key.clone(), master_key: key, hook_key: None };
        assert_eq!(given.completed().err(), Some(InvalidKey::SameTwice));
    }

    #[test]
    fn generated_keys_are_url_safe_and_differ() {
        let key = generate_key();
        assert_eq!(key.len(), KEY_CHARS);
        assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(key, generate_key());
    }

    #[test]
    fn a_prefix_is_not_the_key() {
        assert!(keys_equal("abc", "abc"));
        assert!(!keys_equal("abc", "ab"));
        assert!(!keys_equal("abc", "abd"));
    }
}
