//! Secrets of apps.

use std::str::FromStr;

use rand::RngExt as _;
use rand::distr::Alphanumeric;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// 32 letters and digits: 190 bits, and nothing that a URL, a header or a shell would need escaped.
const KEY_CHARS: usize = 32;

/// One of the keys of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// What clients send.
    App,
    /// What the owner sends.
    Master,
    /// What the platform sends when it calls hooks.
    Hook,
}

/// A word that names no key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no key of an app; there are `app`, `master` and `hook`")]
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

/// A new secret, from the system's random source.
pub fn generate_key() -> String {
    rand::rng().sample_iter(Alphanumeric).take(KEY_CHARS).map(char::from).collect()
}

/// Compares in a time that depends on the lengths only.
pub fn keys_equal(expected: &str, given: &str) -> bool {
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

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
