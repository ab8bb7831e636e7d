#!/usr/bin/env bash
# Builds the pages into web/dist, unless what is there was made from the same sources.
set -euo pipefail
cd "$(dirname "$0")/.."
# Not inside web/dist: everything there goes into the binary.
stamp=web/node_modules/.dist-stamp
want="$(find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print0 | LC_ALL=C sort -z |
  xargs -0 sha256sum | sha256sum | cut -d' ' -f1)"
if [ -f web/dist/index.html ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then exit 0; fi
(cd web && npm run --silent build)
printf '%s' "$want" >"$stamp"
