//! Secrets of apps.

use rand::RngExt as _;
use rand::distr::Alphanumeric;
use subtle::ConstantTimeEq as _;

/// 32 letters and digits: 190 bits, and nothing that a URL, a header or a shell would need escaped.
const KEY_CHARS: usize = 32;

pub(crate) fn generate_key() -> String {
    rand::rng().sample_iter(Alphanumeric).take(KEY_CHARS).map(char::from).collect()
}

/// Compares in a time that depends on the lengths only.
pub(crate) fn keys_equal(expected: &str, given: &str) -> bool {
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
