//! Entry points for the fuzzer only, in addition to the public interface.

use crate::modules;

/// Asks whether an upload is a module.
pub fn validate_module(bytes: &[u8]) {
    modules::check_upload(bytes);
}
