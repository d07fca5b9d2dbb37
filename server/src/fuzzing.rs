//! Entry points for the fuzzer only, in addition to the public interface.

use bytes::Bytes;

use crate::rpc;

/// Takes the body of a call apart.
pub fn read_body(content_type: &str, body: &[u8]) {
    rpc::check_body(content_type, Bytes::copy_from_slice(body));
}
