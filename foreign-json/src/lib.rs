//! The one reader for JSON that clients and hooks wrote: it takes what `JSON.parse` of JavaScript takes.
//!
//! `serde_json` is stricter in some points, each of which an ordinary client or hook meets:
//!
//! - A `\ud83d` without its other half, as `JSON.stringify` writes half an emoji, is an error there. Here it is U+FFFD, as
//!   wherever UTF-16 becomes UTF-8.
//! - `1e400` is an error there. JavaScript reads infinity, which JSON cannot write; here it is the greatest number there is.
//! - A key of a struct that comes twice is an error there. Here the last one counts. A number like `5.0` fits a field of
//!   whole numbers, for JavaScript has only one kind.
//!
//! Values nest [`MAX_DEPTH`] levels deep, and what nests deeper has an error of its own. What is skipped, or kept as a
//! [`RawValue`](serde_json::value::RawValue), nests as deep as it likes.
//!
//! Ordinary JSON is read by `serde_json` alone, at its speed; the rest is looked at only after it refused.
//!
//! ```
//! let read: serde_json::Value = foreign_json::from_str(r#"{"name": "x\ud83d", "n": 1e400, "n": -1e400}"#)?;
//! assert_eq!(read, serde_json::json!({"name": "x\u{fffd}", "n": f64::MIN}));
//! # Ok::<(), foreign_json::Error>(())
//! ```

mod error;
mod rewrite;
mod value;

use std::borrow::Cow;

use serde::de::DeserializeOwned;

pub use error::{Error, MAX_DEPTH};
pub use value::depth;

/// Reads a text.
///
/// # Errors
///
/// When it is not JSON, nests deeper than [`MAX_DEPTH`], or does not fit `T`.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).or_else(|_| refused(text))
}

/// Reads bytes as `fetch` of JavaScript does: a byte-order mark is left out, invalid UTF-8 becomes U+FFFD.
///
/// # Errors
///
/// Those of [`from_str`].
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    from_str(&decode(bytes))
}

/// The text of bytes, as [`from_slice`] takes it.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    String::from_utf8_lossy(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes))
}

/// Reads what `serde_json` alone does not.
#[cold]
fn refused<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let text = rewrite::for_serde_json(text);
    // Once more as it is: a value in between would bound the depth of what `T` skips.
    if matches!(text, Cow::Owned(_))
        && let Ok(read) = serde_json::from_str(&text)
    {
        return Ok(read);
    }
    T::deserialize(value::read(&text)?).map_err(Error::Unfit)
}
