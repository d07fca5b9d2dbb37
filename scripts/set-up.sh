#!/usr/bin/env bash
# Installs what is missing to build and run hookd on Debian. Run again, it does nothing.
# Usage: scripts/set-up.sh [run|modules|test|bench|bench-im|lint]
set -euo pipefail
purpose=${1:-run}

say() { printf 'set-up: %s\n' "$*" >&2; }

apt_packages=()
need() { # need COMMAND PACKAGE…: the packages are missing when the command is
  local command=$1
  shift
  command -v "$command" >/dev/null 2>&1 || apt_packages+=("$@")
}

# The Rust that builds hookd itself: any cargo that accepts the workspace, else Debian's newest.
cargo_accepts_workspace() {
  command -v cargo >/dev/null 2>&1 || return 1
  local have want
  have=$(cargo --version | awk '{print $2}')
  want=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  [ "$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)" = "$want" ]
}
cargo_accepts_workspace || apt_packages+=(rustc-web cargo-web)

# The Rust that builds hooks: rustup's WebAssembly target, else Debian's packages.
guest_target_installed() {
  [ -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/wasm32-unknown-unknown/lib" ]
}
if ! guest_target_installed; then
  if command -v rustup >/dev/null 2>&1 && timeout 60 rustup target add wasm32-unknown-unknown >/dev/null 2>&1; then
    say "added the WebAssembly target of Rust"
  else
    dpkg -s rustc-web cargo-web rust-web-src lld >/dev/null 2>&1 || apt_packages+=(rustc-web cargo-web rust-web-src lld)
  fi
fi

need cc build-essential
need node nodejs npm
need npm npm
# The example of a hook in C.
if [ "$purpose" = modules ]; then
  need clang clang
  need wasm-ld lld
  [ -d /usr/include/wasm32-wasi ] || apt_packages+=(wasi-libc)
fi
# The tests start servers of their own, and some with another clock.
[ "$purpose" != test ] || need redis-server redis-server
if [ "$purpose" = test ] && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then need initdb postgresql; fi
[ "$purpose" != test ] || need faketime faketime
# Proxies that the documentation shows.
if [ "$purpose" = test ] && [ ! -x /usr/sbin/nginx ]; then need nginx nginx; fi
[ "$purpose" != test ] || need caddy caddy
# Servers that hookd is measured beside.
if [ "$purpose" = bench-im ]; then
  need prosody prosody
  # Its commands are root's.
  [ -x /usr/sbin/ejabberdctl ] || apt_packages+=(ejabberd erlang-p1-sqlite3)
fi
[ "$purpose" != lint ] || need python3 python3
# Compares the checked-in JavaScript engine with its sources.
if [ "$purpose" = lint ] && ! command -v clang-14 >/dev/null 2>&1; then need clang clang llvm; fi
if [[ "$purpose" =~ ^(test|bench)$ ]] && ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
  apt_packages+=(python3 python3-venv)
fi

if [ "${#apt_packages[@]}" -gt 0 ]; then
  say "installing ${apt_packages[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
      say "cannot install without root; run as root: apt-get install --no-install-recommends ${apt_packages[*]}"
      exit 1
    fi
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${apt_packages[@]}" >/dev/null
  # Their packages start them as services of the machine; the bench starts its own.
  for service in prosody ejabberd; do
    if [[ " ${apt_packages[*]} " == *" $service "* ]]; then
      "${as_root[@]}" service "$service" stop >/dev/null 2>&1 || true
    fi
  done
fi

# A tool's own speed matters less than the time to build it, which is a fraction without optimisation.
tool() { # tool CRATE[@VERSION]
  local crate=$1 name=${1%@*}
  ! cargo "${name#cargo-}" --version >/dev/null 2>&1 || return 0
  say "building $name (a minute or two, once)"
  CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_PANIC=unwind cargo install --locked --quiet "$crate"
}
case $purpose in
test) tool cargo-nextest ;;
lint)
  tool cargo-deny@0.20.2
  tool cargo-machete@0.9.2
  ;;
esac
