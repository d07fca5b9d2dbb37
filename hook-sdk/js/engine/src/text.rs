//! Strings of JavaScript, which may hold half surrogates, and texts of Rust, which may not.

use rquickjs::{Ctx, Error, FromJs, Value, qjs};

/// Stands for half a surrogate pair.
const REPLACEMENT: &str = "\u{FFFD}";

/// Any value as `String(value)` gives it, with U+FFFD for half surrogates.
pub(crate) struct Text(pub(crate) String);

impl<'js> FromJs<'js> for Text {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Self> {
        let mut length: qjs::size_t = 0;
        // SAFETY: the value is of this context. The answer is null, or as many bytes as `length` says, until it is freed.
        unsafe {
            let pointer = qjs::JS_ToCStringLen2(ctx.as_raw().as_ptr(), &raw mut length, value.as_raw(), false as _);
            if pointer.is_null() {
                return Err(Error::Exception);
            }
            let text = well_formed(std::slice::from_raw_parts(pointer.cast::<u8>(), length as usize));
            qjs::JS_FreeCString(ctx.as_raw().as_ptr(), pointer);
            Ok(Self(text))
        }
    }
}

/// `bytes` are UTF-8 in which half surrogates are encoded like other characters, in three bytes.
fn well_formed(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(end) => {
                text.push_str(end);
                break;
            }
            Err(error) => {
                let (valid, broken) = rest.split_at(error.valid_up_to());
                text.push_str(&String::from_utf8_lossy(valid));
                text.push_str(REPLACEMENT);
                let skipped = match broken {
                    [0xED, 0xA0..=0xBF, 0x80..=0xBF, ..] => 3,
                    _ => 1,
                };
                rest = broken.get(skipped..).unwrap_or_default();
            }
        }
    }
    text
}
