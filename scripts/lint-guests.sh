#!/usr/bin/env bash
# Formatting and lints of the workspaces that are built for WebAssembly (the SDK, the examples, the tests' hooks), and of the
# generator of types.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=$PWD/target/guests-on-host
for workspace in hook-sdk/rust hook-types/generator examples-hooks tests/hostile-hooks tests/conformance/known-functions; do
  cargo fmt --manifest-path "$workspace/Cargo.toml" --all --check
  cargo clippy --manifest-path "$workspace/Cargo.toml" --workspace --all-targets --quiet -- -D warnings
done
