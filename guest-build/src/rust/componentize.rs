//! Core module to component.

use wit_component::ComponentEncoder;

use crate::BuildError;

/// Wraps a core module that was built with the SDK into a component.
///
/// # Errors
/// When the module was not built with the SDK, or imports what no component can.
pub fn componentize(core_module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let mut encoder = ComponentEncoder::default()
        .module(core_module)
        .map_err(BuildError::component("the compiled code is not a hook module: does it use the `hook-sdk` crate?"))?
        .validate(true);
    encoder.encode().map_err(BuildError::component("cannot make a component of the compiled code"))
}
