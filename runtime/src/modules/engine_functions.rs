//! The compiled functions of a JavaScript engine. The modules that bundles become have the same ones and differ in data only, so
//! a release need not compile them again.
//!
//! They are recorded from a bundle of ours, in a child that sees no upload, and only read where uploads are loaded.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use wasmtime::{CacheStore, Engine};

use super::compile_request::LoadInput;
use crate::sandbox::compile_config;

/// What the file begins with; the digest of the rest follows.
const MAGIC: &[u8; 8] = b"hookdfn1";
const DIGEST_BYTES: usize = 32;
/// Most bytes of a file. That of an engine has 5 MB.
const MAX_BYTES: usize = 64 << 20;
/// Of a function, by which it is known.
const KEY_BYTES: usize = 32;

/// A project that does nothing.
const EMPTY_BUNDLE: &str = r#"{"hookdBundle":1,"language":"javascript","name":"empty","entry":"/app/empty.js",
    "modules":{"/app/empty.js":{"source":""}},"http":false}"#;

/// What an engine loads when its functions are recorded.
pub(super) fn nothing_to_load() -> Result<LoadInput, serde_json::Error> {
    let bundle: Box<RawValue> = serde_json::from_str(EMPTY_BUNDLE)?;
    Ok(LoadInput { bundle, variables: serde_json::Map::new(), now: 0 })
}

/// Compiles a component; answers with the file of its functions.
pub(super) fn record(component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    let recorder = Arc::new(Recorder::default());
    let mut config = compile_config();
    config.enable_incremental_compilation(recorder.clone())?;
    Engine::new(&config)?.precompile_component(component)?;
    Ok(recorder.file())
}

/// Compiles a component, with the functions that a file has. Without the file, which is removed when it is damaged, all are
/// compiled.
pub(super) fn compile_with(file: &Path, component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    let mut config = compile_config();
    match Functions::read(file) {
        Ok(Some(functions)) => {
            config.enable_incremental_compilation(Arc::new(functions))?;
        }
        Ok(None) => {
            // The next release has another one made.
            let _ = fs::remove_file(file);
        }
        // Another process may have removed it.
        Err(_) => {}
    }
    Engine::new(&config)?.precompile_component(component)
}

#[derive(Debug, Default)]
struct Recorder(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Recorder {
    fn file(&self) -> Vec<u8> {
        let functions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = Vec::new();
        for (key, code) in &*functions {
            let Ok(length) = u32::try_from(code.len()) else { continue };
            if key.len() != KEY_BYTES || file_bytes(rest.len() + KEY_BYTES + 4 + code.len()) > MAX_BYTES {
                continue;
            }
            rest.extend_from_slice(key);
            rest.extend_from_slice(&length.to_le_bytes());
            rest.extend_from_slice(code);
        }
        [MAGIC.as_slice(), &Sha256::digest(&rest), &rest].concat()
    }
}

impl CacheStore for Recorder {
    fn get(&self, _key: &[u8]) -> Option<Cow<'_, [u8]>> {
        None
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_vec(), value);
        true
    }
}

/// A file in memory.
struct Functions {
    bytes: Vec<u8>,
    code: HashMap<[u8; KEY_BYTES], Range<usize>>,
}

impl Functions {
    /// `None` for one that is damaged.
    fn read(file: &Path) -> std::io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        fs::File::open(file)?.take(MAX_BYTES as u64).read_to_end(&mut bytes)?;
        Ok(Self::parse(bytes))
    }

    fn parse(bytes: Vec<u8>) -> Option<Self> {
        let (digest, mut rest) = bytes.strip_prefix(MAGIC)?.split_at_checked(DIGEST_BYTES)?;
        if digest != Sha256::digest(rest).as_slice() {
            return None;
        }
        let mut code = HashMap::new();
        while !rest.is_empty() {
            let (key, after_key) = rest.split_first_chunk::<KEY_BYTES>()?;
            let (length, after_length) = after_key.split_first_chunk::<4>()?;
            let (_, after) = after_length.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            code.insert(*key, bytes.len() - after_length.len()..bytes.len() - after.len());
            rest = after;
        }
        Some(Self { code, bytes })
    }
}

impl CacheStore for Functions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let place = self.code.get(key)?.clone();
        self.bytes.get(place).map(Cow::Borrowed)
    }

    fn insert(&self, _key: &[u8], _value: Vec<u8>) -> bool {
        false
    }
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Functions({})", self.code.len())
    }
}

fn file_bytes(functions: usize) -> usize {
    MAGIC.len() + DIGEST_BYTES + functions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Vec<u8> {
        let recorder = Recorder::default();
        recorder.insert(&[1; KEY_BYTES], b"first".to_vec());
        recorder.insert(&[2; KEY_BYTES], Vec::new());
        recorder.file()
    }

    #[test]
    fn what_was_recorded_is_found_again() {
        let functions = Functions::parse(recorded()).unwrap();
        assert_eq!(functions.get(&[1; KEY_BYTES]).as_deref(), Some(b"first".as_slice()));
        assert_eq!(functions.get(&[2; KEY_BYTES]).as_deref(), Some(b"".as_slice()));
        assert_eq!(functions.get(&[3; KEY_BYTES]), None);
        assert!(Functions::parse(Recorder::default().file()).is_some());
    }

    #[test]
    fn a_damaged_file_is_none() {
        let file = recorded();
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert!(Functions::parse(damaged).is_none(), "a flipped bit at {at}");
            assert!(Functions::parse(file[..at].to_vec()).is_none(), "cut at {at}");
        }
    }
}
