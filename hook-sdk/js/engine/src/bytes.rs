//! Bytes of JavaScript.

use rquickjs::{Ctx, Exception, FromJs, TypedArray, Value};

/// Those of a `Uint8Array`, copied.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl<'js> FromJs<'js> for Bytes {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Self> {
        let array = TypedArray::<u8>::from_value(value).ok();
        let bytes = array.as_ref().and_then(|array| {
            // SAFETY: no script runs while the bytes are copied.
            unsafe { array.as_bytes() }.map(<[u8]>::to_vec)
        });
        bytes.map(Self).ok_or_else(|| Exception::throw_type(ctx, "a Uint8Array is expected"))
    }
}
