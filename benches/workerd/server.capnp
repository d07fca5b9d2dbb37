# The word filter of the bench on workerd. Same logic as examples-hooks/word-filter.
# `workerd serve server.capnp --control-fd=1` prints the port that it took.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(
    name = "hooks",
    worker = (
      compatibilityDate = "2026-11-01",
      modules = [(name = "hooks.js", esModule = embed "hooks.js")],
      bindings = [
        (name = "APP_ID", fromEnvironment = "BENCH_APP_ID"),
        (name = "APP_KEY", fromEnvironment = "BENCH_APP_KEY"),
        (name = "HOOK_KEY", fromEnvironment = "BENCH_HOOK_KEY"),
      ],
    ),
  )],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "hooks")],
);
