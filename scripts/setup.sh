#!/usr/bin/env bash
# Makes sure that what a target needs is there: installs what the system's package manager or a lock file can bring,
# and names the rest with the way to get it. Running it again when all is there takes well under a second.
#
#   scripts/setup.sh build   Rust, a C compiler, Node
#   scripts/setup.sh web     build + npm packages of web/
#   scripts/setup.sh test    web + Chromium, PostgreSQL, Python environment, npm packages of tests/browser/ and tests/hub/
set -euo pipefail
cd "$(dirname "$0")/.."

RUST_MIN=1.95
NODE_MIN=20
missing=()

say() { printf 'setup: %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }

# Debian packages that lack, installed in one go at the end of the checks.
packages=()
apt_install() {
  [ ${#packages[@]} -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if have sudo && sudo -n true 2>/dev/null; then as_root=(sudo -n); else
      missing+=("packages: run as root: apt-get install ${packages[*]}")
      return 0
    fi
  fi
  if ! have apt-get; then
    missing+=("packages (Debian names): ${packages[*]}")
    return 0
  fi
  say "installing ${packages[*]}"
  "${as_root[@]}" apt-get update -qq || say "the package lists could not be refreshed, trying with what is there"
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null ||
    missing+=("packages: apt-get install ${packages[*]} failed")
  packages=()
}

check_build() {
  have cc || packages+=(build-essential)
  have node || packages+=(nodejs npm)
  apt_install
  [ -d "$HOME/.cargo/bin" ] && PATH="$HOME/.cargo/bin:$PATH"
  if ! have cargo || ! have rustc; then
    missing+=("Rust $RUST_MIN or newer: https://rustup.rs")
  elif ! at_least "$(rustc --version | cut -d' ' -f2)" "$RUST_MIN"; then
    missing+=("Rust $RUST_MIN or newer (found $(rustc --version | cut -d' ' -f2)): rustup update stable")
  fi
  if ! have node || ! have npm; then
    missing+=("Node $NODE_MIN or newer, with npm: https://nodejs.org/en/download")
  elif ! at_least "$(node --version | tr -d v)" "$NODE_MIN"; then
    missing+=("Node $NODE_MIN or newer (found $(node --version)): https://nodejs.org/en/download")
  fi
}

check_test() {
  have chromium || [ -n "${CHROMIUM:-}" ] || packages+=(chromium)
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || have initdb || [ -n "${PGBIN:-}" ] || packages+=(postgresql)
  have python3 || packages+=(python3)
  python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
  have git || packages+=(git)
  apt_install
  have rustfmt && have cargo-clippy || { have rustup && rustup component add rustfmt clippy; } ||
    missing+=("rustfmt and clippy: rustup component add rustfmt clippy")
}

fail_if_missing() {
  [ ${#missing[@]} -eq 0 ] && return 0
  say "these are missing and could not be installed from here:" >&2
  printf '  - %s\n' "${missing[@]}" >&2
  exit 1
}

# $1 = folder with a package-lock.json. The stamp holds the hash of what was installed.
npm_ci() {
  local stamp="$1/node_modules/.stamp" want
  [ -f "$1/package-lock.json" ] || { say "$1/package-lock.json is missing" >&2; exit 1; }
  want="$(cat "$1/package.json" "$1/package-lock.json" | sha256sum | cut -d' ' -f1)"
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return 0
  say "npm packages of $1"
  (cd "$1" && npm ci --no-audit --no-fund --loglevel=error)
  printf '%s' "$want" >"$stamp"
}

python_env() {
  local stamp=.venv/.stamp want
  want="$(sha256sum tests/requirements.txt | cut -d' ' -f1)"
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return 0
  say "Python environment in .venv"
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
  printf '%s' "$want" >"$stamp"
}

case "${1:-}" in
  build) check_build; fail_if_missing ;;
  web) check_build; fail_if_missing; npm_ci web ;;
  test)
    check_build; check_test; fail_if_missing
    npm_ci web; npm_ci tests/browser; npm_ci tests/hub; python_env ;;
  *) echo "usage: scripts/setup.sh build|web|test" >&2; exit 2 ;;
esac
