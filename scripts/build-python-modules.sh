#!/usr/bin/env bash
# Builds the hooks in Python to target/hookd-modules/python-NAME.wasm, where tests and benches find them.
# Usage: scripts/build-python-modules.sh PATH-OF-HOOKD
set -euo pipefail
cd "$(dirname "$0")/.."
hookd=$1
export HOOKD_COMPONENTIZE_PY=$PWD/tests/python-hooks/.venv/bin/componentize-py
for cloud in {tests/python-hooks,examples-hooks/python,benches/leancloud-python}/*/cloud.py; do
  project=$(dirname "$cloud")
  module=target/hookd-modules/python-$(basename "$project").wasm
  # It takes seconds each; nothing is newer than the module when nothing has changed.
  newer=$(find -L "$project" hook-sdk/python/src wit "$hookd" -newer "$module" -type f -not -path '*/target/*' -print -quit 2>/dev/null || echo all)
  [ -z "$newer" ] || "$hookd" build "$project" --output "$module"
done
