//! Keys that people give.

use thiserror::Error;

/// Why a key cannot be used: clients cannot send it, or it is easy to guess. The text continues after the key's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnusableKey {
    /// A request without a key would have the right key.
    #[error("is empty; a key has {MIN_KEY_CHARS} to {MAX_KEY_CHARS} characters")]
    Empty,
    /// Of so many characters.
    #[error("is too short: {0} characters; a key has {MIN_KEY_CHARS} to {MAX_KEY_CHARS}")]
    Short(usize),
    /// Of so many bytes.
    #[error("is too long: {0} bytes; a key has {MIN_KEY_CHARS} to {MAX_KEY_CHARS} characters")]
    Long(usize),
    /// It would not survive a header, or a signature.
    #[error("holds other characters than printable ASCII without spaces and commas")]
    Unprintable,
}

/// Keys that an app of LeanCloud brings along have 24 characters and more.
const MIN_KEY_CHARS: usize = 8;
const MAX_KEY_CHARS: usize = 128;

/// A key as it is shown: without blanks and line ends around it, which come with files.
///
/// # Errors
/// [`UnusableKey`].
pub fn usable_key(given: &str) -> Result<&str, UnusableKey> {
    let key = given.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
    // A comma ends a key in `X-LC-Key: <key>,master` and in signatures.
    let is_usable = |byte: u8| byte.is_ascii_graphic() && byte != b',';
    match key.len() {
        0 => Err(UnusableKey::Empty),
        _ if !key.bytes().all(is_usable) => Err(UnusableKey::Unprintable),
        short if short < MIN_KEY_CHARS => Err(UnusableKey::Short(short)),
        long if long > MAX_KEY_CHARS => Err(UnusableKey::Long(long)),
        _ => Ok(key),
    }
}
