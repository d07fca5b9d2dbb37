#!/usr/bin/env bash
# Builds the JavaScript engine into hook-sdk/js/engine/dist, with requests and without.
# Usage: scripts/build-js-engine.sh [--check]: `--check` changes nothing, and fails where dist is not what its sources make.
# The same sources, rustc and clang give the same bytes; with others `--check` cannot tell, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
crate=hook-sdk/js/engine
target=$PWD/target/js-engine
mode=${1:-}

clang=$(command -v clang-14 || command -v clang || true)
if [ -z "$clang" ]; then
  echo "build-js-engine: clang with its WebAssembly backend is missing: apt-get install --no-install-recommends clang-14" >&2
  exit 1
fi
llvm_ar=$(command -v "llvm-ar${clang##*/clang}" || command -v llvm-ar)
made_with=$(rustc --version; "$clang" --version | head -n 1)

[ "$mode" != --check ] || cargo fmt --manifest-path "$crate/Cargo.toml" --check
if [ "$mode" = --check ] && [ "$made_with" != "$(cat "$crate/dist/made-with.txt")" ]; then
  echo "build-js-engine: not compared, since other compilers are here than $crate/dist/made-with.txt names" >&2
  exit 0
fi

# QuickJS as its crate brings it, with our patch. The versions and their checksums are those of the lock file.
vendored=$target/vendored
sources=$(cat "$crate/Cargo.lock" "$crate/quickjs.patch" | sha256sum)
if [ "$sources" != "$(cat "$target/vendored.sha256" 2>/dev/null)" ]; then
  rm -rf "$vendored"
  cargo vendor --quiet --locked --manifest-path "$crate/Cargo.toml" "$vendored" >/dev/null
  patch --quiet --strip=1 --directory="$vendored/rquickjs-sys" <"$crate/quickjs.patch"
  sed -i 's/"files":{[^}]*}/"files":{}/' "$vendored/rquickjs-sys/.cargo-checksum.json"
  echo "$sources" >"$target/vendored.sha256"
fi

cargo_for_engine() { # cargo_for_engine COMMAND FEATURES…; no path of this machine is in the result
  local command=$1 features=$2
  shift 2
  env SHIM_HASH="$(sha256sum <"$crate/src/generated/shim.js")" CC_wasm32_unknown_unknown="$clang" AR_wasm32_unknown_unknown="$llvm_ar" \
    CFLAGS_wasm32_unknown_unknown="-ffile-prefix-map=$PWD=/hookd" \
    RUSTFLAGS="--remap-path-prefix=$vendored=/vendored --remap-path-prefix=$PWD=/hookd" CARGO_TARGET_DIR="$target" \
    cargo "$command" --quiet --locked --release --target wasm32-unknown-unknown --manifest-path "$crate/Cargo.toml" \
    --config 'source.crates-io.replace-with="vendored"' --config "source.vendored.directory=\"$vendored\"" \
    --features "$features" "$@"
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
for features in '' http; do
  [ "$mode" != --check ] || cargo_for_engine clippy "$features" -- -D warnings
  cargo_for_engine build "$features"
  finish "engine${features:+-$features}"
done
[ "$mode" = --check ] || printf '%s\n' "$made_with" >"$crate/dist/made-with.txt"
