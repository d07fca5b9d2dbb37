//! The signature of a command (P-114).

use hookd_im_core::signature::Signature;

/// Takes `s`, `t` and `n`; `None` where one of them is missing.
pub(crate) fn signature(
    hex: &mut Option<String>,
    timestamp: Option<i64>,
    nonce: &mut Option<String>,
) -> Option<Signature> {
    Some(Signature { hex: hex.take()?, timestamp: timestamp?, nonce: nonce.take()? })
}
