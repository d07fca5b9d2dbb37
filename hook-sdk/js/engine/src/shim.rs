//! The shim, which the scripts of an app stand on: web APIs, Node's built-in modules, and the packages that hookd offers itself.

use std::ffi::CStr;

use miniz_oxide::inflate::decompress_slice_iter_to_slice;
use rquickjs::{Ctx, Error, Object};

use crate::{engine, entry, host, timers};

const SHIM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shim.deflate"));
/// Bytes of it, unpacked.
const SHIM_BYTES: usize = include!(concat!(env!("OUT_DIR"), "/shim.length"));
const SHIM_FILE: &CStr = c"hookd:shim";

/// Evaluates it. `bundle` is the app.
pub(crate) fn load<'js>(ctx: &Ctx<'js>, bundle: Object<'js>) -> rquickjs::Result<()> {
    let globals = ctx.globals();
    timers::define(ctx)?;
    globals.set("__host", host::object(ctx, bundle)?)?;
    // There are no threads, so that the engine has no `Atomics`; the formatter of Node's console lists its functions.
    globals.set("Atomics", Object::new(ctx.clone())?)?;
    // A zero follows the script.
    let mut shim = vec![0; SHIM_BYTES + 1];
    decompress_slice_iter_to_slice(&mut shim, std::iter::once(SHIM), false, false).map_err(|_| Error::Unknown)?;
    engine::evaluate_ours(ctx, shim, SHIM_FILE)?;
    globals.remove("Atomics")?;
    let given: Object<'_> = globals.get("__entry")?;
    globals.remove("__entry")?;
    globals.remove("__host")?;
    entry::set(ctx, &given)
}
