#!/usr/bin/env bash
# Builds the example and the hostile hooks, and what the conformance tests call, to target/hookd-modules/, where tests and benches find them.
# Usage: scripts/build-modules.sh PATH-OF-HOOKD
set -euo pipefail
cd "$(dirname "$0")/.."
hookd=$1
modules=$PWD/target/hookd-modules
# One target folder for all: where the standard library must be built from source, it is built once.
export CARGO_TARGET_DIR=$PWD/target/hooks
mkdir -p "$modules"
make --silent --no-print-directory -C examples-hooks/c-word-count HOOKD="$(realpath "$hookd")" BUILD="$PWD/target/hooks/c" \
  OUTPUT="$modules/c-word-count.wasm"
for manifest in {examples-hooks,tests/hostile-hooks,tests/conformance}/*/Cargo.toml; do
  project=$(dirname "$manifest")
  "$hookd" build "$project" --output "$modules/$(basename "$project").wasm"
done
