#!/usr/bin/env bash
# Whether the developers' command line alone (without the feature `server`) compiles for macOS and Windows. Only checked: there is
# no linker for them here, so the C code of libraries is not compiled either.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v rustup >/dev/null || { echo "skipped: the standard libraries of other systems come with rustup" >&2; exit 0; }

stand_ins=$(mktemp -d)
trap 'rm -rf "$stand_ins"' EXIT

# Stand in for the C compilers: each writes an empty file.
cat >"$stand_ins/cc" <<'END'
#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" = -o ] && : >"$2"; shift; done
END
cat >"$stand_ins/ar" <<'END'
#!/bin/sh
for argument; do case "$argument" in *.a) : >"$argument" ;; esac; done
END
chmod +x "$stand_ins"/*

for target in aarch64-apple-darwin x86_64-pc-windows-gnu; do
  rustup target add "$target" >/dev/null 2>&1 || { echo "skipped: no standard library for $target" >&2; continue; }
  suffix=${target//-/_}
  env "CC_$suffix=$stand_ins/cc" "AR_$suffix=$stand_ins/ar" \
    cargo clippy --package hookd --no-default-features --target "$target" --bins --lib --quiet -- -D warnings
done
