//! Core module to component.

use anyhow::Context as _;
use wit_component::ComponentEncoder;

/// Wraps a core module that was built with the SDK into a component.
///
/// # Errors
/// When the module was not built with the SDK, or imports what no component can.
pub fn componentize(core_module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = ComponentEncoder::default()
        .module(core_module)
        .context("the compiled code is no hook module: does it use the `hook-sdk` crate?")?
        .validate(true);
    encoder.encode().context("cannot make a component of the compiled code")
}
