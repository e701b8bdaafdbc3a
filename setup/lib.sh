# Sourced by the scripts of this folder: progress lines with elapsed seconds, and errors that say what to do.
set -euo pipefail
setup_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root_dir=$(dirname "$setup_dir")
. "$setup_dir/versions.env"
toolchain=${EGRESSPROOF_TOOLCHAIN:-${XDG_CACHE_HOME:-$HOME/.cache}/egressproof/istio-$ISTIO_VERSION}
say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 3; }
# step LABEL COMMAND...: runs it with its output in a log that is shown only when it fails.
step() {
  local label=$1 log; shift
  log=$(mktemp)
  say "$label ..."
  if ! "$@" >"$log" 2>&1; then tail -n 30 "$log" >&2; rm -f "$log"; die "'$label' failed; the lines above are its last"; fi
  rm -f "$log"
}
