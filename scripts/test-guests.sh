#!/usr/bin/env bash
# Unit tests of the workspaces that are built for WebAssembly, run on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=$PWD/target/guests-on-host
for workspace in hook-sdk/rust examples-hooks; do
  cargo nextest run --manifest-path "$workspace/Cargo.toml" --workspace --no-tests=pass
done
