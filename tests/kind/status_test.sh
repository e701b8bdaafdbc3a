#!/usr/bin/env bash
# `kind status` and `kind down` on a real engine, of a cluster that is not there.
#   usage: status_test.sh EGRESSPROOF
set -euo pipefail
program=$1
. "$(dirname "$0")/engine.sh"
unset EGRESSPROOF_KIND_SETTINGS
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
name=egressproof-absent-$$

code=0; out=$(XDG_CACHE_HOME=$cache "$program" kind status --kind-folder "$data" --name "$name") || code=$?
echo "$out"
[ "$code" = 3 ] || die "status of a cluster that is not there: exit code $code, expected 3"
grep -q "docker  *there" <<<"$out" || die "docker is not told"
grep -q "engine  *there" <<<"$out" || die "the engine is not told"
grep -q "cluster  *MISSING  *cluster '$name' is not there" <<<"$out" || die "the missing cluster is not told"
out=$(XDG_CACHE_HOME=$cache "$program" kind down --kind-folder "$data" --name "$name")
grep -q "was not there" <<<"$out" || die "down of nothing: $out"
echo "kind: ok"
