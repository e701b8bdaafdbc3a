#!/usr/bin/env bash
# Part of the suite inside Knative Service pods of a real kind cluster, compared cell by cell with the lab. A run that is killed is cleared
# away by the next, and after that one nothing is left.
#   usage: suite_test.sh EGRESSPROOF SCENARIOS
set -euo pipefail
program=$1 scenarios=$2
. "$(dirname "$0")/engine.sh"
work=$(mktemp -d)
name=egressproof-test-$$
where=(--kind-folder "$data" --name "$name")
trap '"$program" kind down "${where[@]}" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
profiles=P0,P2,P3
suite() { "$program" run "$scenarios" --profile $profiles "$@"; }
namespaces() { kubectl --kubeconfig "${XDG_CACHE_HOME:-$HOME/.cache}/egressproof/kind/$name/kubeconfig" get namespaces -l egressproof.dev/run -o name; }

"$program" kind up "${where[@]}" || die "the cluster: exit code $?"
timeout --signal=KILL 25 "$program" run "$scenarios" --profile $profiles --backend kind "${where[@]}" >"$work/killed.txt" 2>&1 || true
[ -n "$(namespaces)" ] || die "the run that was killed had made nothing: $(cat "$work/killed.txt")"
suite --backend kind "${where[@]}" --json "$work/kind.json" || die "the run in the cluster: exit code $?"
[ -z "$(namespaces)" ] || die "the run left $(namespaces)"
suite --json "$work/lab.json" >"$work/lab.txt" || die "the run in the lab: $(tail -n 20 "$work/lab.txt")"
"$program" diff "$work/lab.json" "$work/kind.json" --selection --known "$data/known-differences.yaml" || die "lab and cluster disagree"
echo "kind: ok"
