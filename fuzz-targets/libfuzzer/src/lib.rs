//! Nothing: libFuzzer is built with this crate, and linked to `hookd-fuzz-targets`.
