#!/usr/bin/env bash
# Lets the fuzzer think of inputs for each target of fuzz-targets/, guided by what they reach in our own crates.
# Usage: [FUZZ_SECONDS=60] scripts/fuzz.sh [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
out=$PWD/target/fuzz
kept=fuzz-targets/corpus
fuzzer=target/debug/fuzz

CARGO_TARGET_DIR=$out/libfuzzer cargo build --locked --manifest-path fuzz-targets/libfuzzer/Cargo.toml
LIBFUZZER=$(find "$out/libfuzzer" -name libfuzzer.a -print -quit)
export LIBFUZZER
# Stable rustc has the flags that libFuzzer needs. Only our own crates get them: all others are those of the tests.
RUSTC_WORKSPACE_WRAPPER=$PWD/scripts/rustc-for-fuzzing.sh \
  cargo build --workspace --features hookd/as-in-tests,hookd-fuzz-targets/libfuzzer --bin fuzz

targets=("$@")
if [ "${#targets[@]}" -eq 0 ]; then
  mapfile -t targets < <(ls "$kept")
fi
mkdir -p "$out/findings"
# Servers of the targets keep their data here, where possible in memory.
TMPDIR=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

failed=0
for target in "${targets[@]}"; do
  mkdir -p "$out/corpus/$target"
  log=$out/$target.log
  if FUZZ_TARGET=$target "$fuzzer" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix="$out/findings/$target-" "$out/corpus/$target" "$kept/$target" >"$log" 2>&1; then
    printf 'fuzz: %-10s %s inputs, %s new ones kept in %s\n' "$target" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
      "$(sed -n 's/^stat::new_units_added: *//p' "$log")" "target/fuzz/corpus/$target"
  else
    failed=1
    tail -n 40 "$log"
    finding=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    printf 'fuzz: %s FAILED; all it said is in %s\n' "$target" "$log"
    printf 'fuzz: again: FUZZ_TARGET=%s %s %s\n' "$target" "$fuzzer" "$finding"
    printf 'fuzz: once it is mended: cp %s %s/%s/, and `make test` tries it for ever\n' "$finding" "$kept" "$target"
  fi
done
exit "$failed"
