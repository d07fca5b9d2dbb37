#!/usr/bin/env bash
# Builds the JavaScript engine into hook-sdk/js/engine/dist, with requests and without.
# Usage: scripts/build-js-engine.sh [--check]: `--check` changes nothing, and fails where dist is not what its sources make.
# The same sources, rustc and clang give the same bytes; with others `--check` cannot tell, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
crate=hook-sdk/js/engine
target=$PWD/target/js-engine
cargo_home=${CARGO_HOME:-$HOME/.cargo}

clang=$(command -v clang-14 || command -v clang || true)
if [ -z "$clang" ]; then
  echo "build-js-engine: clang with its WebAssembly backend is missing: apt-get install --no-install-recommends clang-14" >&2
  exit 1
fi
llvm_ar=$(command -v "llvm-ar${clang##*/clang}" || command -v llvm-ar)
made_with=$(rustc --version; "$clang" --version | head -n 1)

if [ "${1:-}" = --check ] && [ "$made_with" != "$(cat "$crate/dist/made-with.txt")" ]; then
  echo "build-js-engine: not compared, since other compilers are here than $crate/dist/made-with.txt names" >&2
  exit 0
fi

# No path of this machine is in the result.
flags="--remap-path-prefix=$PWD=/hookd"
for registry in "$cargo_home"/registry/src/*/; do
  flags+=" --remap-path-prefix=${registry%/}=/registry"
done
build() { # build FEATURES
  env CC_wasm32_unknown_unknown="$clang" AR_wasm32_unknown_unknown="$llvm_ar" \
    CFLAGS_wasm32_unknown_unknown="-ffile-prefix-map=$PWD=/hookd" RUSTFLAGS="$flags" CARGO_TARGET_DIR="$target" \
    cargo build --quiet --locked --release --target wasm32-unknown-unknown --manifest-path "$crate/Cargo.toml" --features "$1"
}
finish() { # finish NAME: keeps or compares what was built
  local built=$target/wasm32-unknown-unknown/release/hookd_js_engine.wasm kept=$crate/dist/$1.wasm.gz
  if [ "$mode" = --check ]; then
    if ! gzip --decompress --stdout "$kept" | cmp --quiet - "$built"; then
      echo "build-js-engine: $kept is not what its sources make: run scripts/build-js-engine.sh" >&2
      exit 1
    fi
  else
    gzip --best --no-name --stdout "$built" >"$kept"
  fi
}
mode=${1:-}
build ''
finish engine
build http
finish engine-http
[ "$mode" = --check ] || printf '%s\n' "$made_with" >"$crate/dist/made-with.txt"
