#!/usr/bin/env bash
# `kind status` and `kind down` on a real engine. Opt-in: EGRESSPROOF_KIND_TEST=1; exit code 77 is a skip, said aloud.
#   usage: status_test.sh EGRESSPROOF
set -euo pipefail
program=$1
skip() { echo "SKIPPED: $*"; exit 77; }
[ "${EGRESSPROOF_KIND_TEST:-}" = 1 ] || skip "EGRESSPROOF_KIND_TEST is not 1"
for tool in docker kind kubectl istioctl; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
docker info >/dev/null 2>&1 || skip "no container engine answers"
die() { echo "FAILED: $*" >&2; exit 1; }
unset EGRESSPROOF_KIND_SETTINGS
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
data=$(cd "$(dirname "$0")/../../kind" && pwd)
name=egressproof-absent-$$

code=0; out=$(XDG_CACHE_HOME=$cache "$program" kind status --kind-folder "$data" --name "$name") || code=$?
echo "$out"
[ "$code" = 3 ] || die "status of a cluster that is not there: exit code $code, expected 3"
grep -q "docker  *there" <<<"$out" || die "docker is not told"
grep -q "engine  *there" <<<"$out" || die "the engine is not told"
grep -q "cluster  *MISSING  *cluster '$name' is not there" <<<"$out" || die "the missing cluster is not told"
out=$(XDG_CACHE_HOME=$cache "$program" kind down --kind-folder "$data" --name "$name")
grep -q "was not there" <<<"$out" || die "down of nothing: $out"

# A cluster that is there: EGRESSPROOF_KIND_TEST_CLUSTER names one that `kind up` finished with the settings of the caller.
if [ -n "${EGRESSPROOF_KIND_TEST_CLUSTER:-}" ]; then
  out=$("$program" kind status --kind-folder "$data" --name "$EGRESSPROOF_KIND_TEST_CLUSTER") || die "status of a finished cluster: $out"
  if grep -q MISSING <<<"$out"; then die "something is missing: $out"; fi
fi
echo "kind: ok"
