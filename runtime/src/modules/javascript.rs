//! The JavaScript engine that a bundle becomes a module with: compiled code of the guest crate `hook-sdk/js/engine`.

use std::io::Read as _;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};

/// Compressed; `scripts/build-js-engine.sh` makes them.
const PLAIN: &[u8] = include_bytes!("../../../hook-sdk/js/engine/dist/engine.wasm.gz");
const WITH_HTTP: &[u8] = include_bytes!("../../../hook-sdk/js/engine/dist/engine-http.wasm.gz");

/// Which engine a bundle needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum JavaScriptEngine {
    /// It sends no requests, and its instances are made faster.
    Plain,
    /// It imports `wasi:http`.
    WithHttp,
}

impl JavaScriptEngine {
    pub(super) const ALL: [Self; 2] = [Self::Plain, Self::WithHttp];

    fn compressed(self) -> &'static [u8] {
        match self {
            Self::Plain => PLAIN,
            Self::WithHttp => WITH_HTTP,
        }
    }

    /// The core module.
    pub(super) fn core_module(self) -> std::io::Result<Vec<u8>> {
        let mut module = Vec::new();
        GzDecoder::new(self.compressed()).read_to_end(&mut module)?;
        Ok(module)
    }

    /// Names the files of its machine code: another engine has another one.
    pub(super) fn code_name(self) -> String {
        let kind = match self {
            Self::Plain => "plain",
            Self::WithHttp => "http",
        };
        format!("javascript-{kind}-{}", hex::encode(Sha256::digest(self.compressed())))
    }
}

/// Of both engines: bundles are loaded anew with a new one.
pub(super) fn engines_digest() -> &'static [u8] {
    static DIGEST: LazyLock<[u8; 32]> =
        LazyLock::new(|| Sha256::new().chain_update(PLAIN).chain_update(WITH_HTTP).finalize().into());
    DIGEST.as_slice()
}
