#!/bin/sh
# What cargo calls in place of rustc for our own crates when `fuzz.sh` builds the fuzzer. Build scripts stay as they are:
# nothing in them takes the counters.
case " $* " in
*" --crate-name fuzz "*) set -- "$@" -Clink-arg="$LIBFUZZER" -Clink-arg=-lstdc++ ;;
*" --crate-type lib "*) ;;
*) exec "$@" ;;
esac
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares
