#!/usr/bin/env bash
# Tests of the workspaces that are built for WebAssembly, and of what generates types for other languages.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=$PWD/target/guests-on-host
for workspace in hook-sdk/rust hook-types/generator examples-hooks; do
  cargo nextest run --manifest-path "$workspace/Cargo.toml" --workspace --no-tests=pass
done
