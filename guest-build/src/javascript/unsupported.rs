//! What the sandbox does not have. The runtime says the same words at the call.

use std::collections::HashMap;
use std::sync::LazyLock;

static TEXTS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    // A test reads it too: it is one of the files that this crate is compiled from.
    serde_json::from_str(include_str!("../../../hook-sdk/js/src/unsupported.json")).unwrap_or_default()
});

/// Code that requires one of these is made for what they do. The others may be required beside the way.
const REFUSED: [&str; 7] = ["child_process", "cluster", "dgram", "net", "tls", "wasi", "worker_threads"];

/// What to do instead of using a module of Node; `None` for those that are there.
pub(super) fn of_module(name: &str) -> Option<&'static str> {
    TEXTS.get(name.strip_prefix("node:").unwrap_or(name)).copied()
}

/// True for modules that no project may require.
pub(super) fn is_refused(name: &str) -> bool {
    REFUSED.contains(&name.strip_prefix("node:").unwrap_or(name))
}

/// What to do instead of changing files.
pub(super) fn file_change() -> &'static str {
    of_module("fs:write").unwrap_or_default()
}

/// What to do instead of an addon in machine code.
pub(super) fn native_addon() -> &'static str {
    of_module("native").unwrap_or_default()
}

/// What to do instead of a script for Redis.
pub(super) fn redis_script() -> &'static str {
    of_module("redis:scripts").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_refused_has_a_text() {
        for name in REFUSED.iter().chain(&["fs:write", "native", "redis:scripts", "node:net"]) {
            assert!(of_module(name).is_some_and(|text| !text.is_empty()), "{name}");
        }
        assert_eq!(of_module("fs"), None);
    }
}
