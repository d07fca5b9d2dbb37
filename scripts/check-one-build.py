#!/usr/bin/env python3
"""Checks that `make test` compiles no library that `make demo` has compiled already (F-45).

Usage: scripts/check-one-build.py FEATURES-FLAGS
Cargo says for both which units it would compile. A unit of the demo that differs in features or profile from the one of the
tests would be compiled a second time.
"""

import json
import os
import subprocess
import sys


def units(*arguments: str) -> set[str]:
    """The libraries and build scripts of other packages, as cargo would compile them."""
    command = ["cargo", *arguments, *sys.argv[1:], "--workspace", "--unit-graph", "-Z", "unstable-options"]
    # The graph is an unstable output of cargo.
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    graph = json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)
    foreign = [unit for unit in graph["units"] if unit["pkg_id"].startswith("registry+")]
    for unit in foreign:
        # `dev` and `test` are compared by their content.
        del unit["profile"]["name"]
    parts = ("pkg_id", "target", "profile", "features", "mode", "platform")
    return {json.dumps([unit[part] for part in parts], sort_keys=True) for unit in foreign}


twice = sorted(json.loads(unit)[0] for unit in units("build", "--bin", "hookd") - units("test", "--no-run"))
if twice:
    print("`make test` would compile these once more after `make demo`, with other features or another profile:")
    print("\n".join(f"  {package.split('#')[-1]}" for package in twice))
    sys.exit(1)
