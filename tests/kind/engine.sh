# Sourced by the tests here: skip(), die(), and an engine with the tools that a kind cluster needs, or a skip that is said aloud (exit code 77).
# The caller's own engine and settings (EGRESSPROOF_KIND_SETTINGS) come first. Else a folder with an engine, its tools and all images, made
# for a machine without registries, is used with kind/offline.yaml: KIND_OFFLINE_CACHE, by default kind-offline in the user's cache folder.
skip() { echo "SKIPPED: $*"; exit 77; }
die() { echo "FAILED: $*" >&2; exit 1; }
data=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../kind" && pwd)

# Folder of a module of Knative's, as Serving pins it.
knative_module() { (cd "$offline/src/knative" && GOFLAGS=-mod=mod GOPROXY=off go list -m -f '{{.Dir}}' "knative.dev/$1") 2>/dev/null; }

use_offline_engine() {
  export DOCKER_HOST=unix://$offline/docker.sock PATH=$offline/bin:$PATH EGRESSPROOF_KIND_SETTINGS=$data/offline.yaml
  docker info >/dev/null 2>&1 || skip "the engine of $offline does not answer"
  KNATIVE_SERVING=$(knative_module serving) && KNATIVE_NETWORKING=$(knative_module networking) && KNATIVE_CACHING=$(knative_module caching) ||
    skip "Knative's modules are not in Go's module cache"
  export KNATIVE_SERVING KNATIVE_NETWORKING KNATIVE_CACHING
}

offline=${KIND_OFFLINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kind-offline}
if [ -z "${EGRESSPROOF_KIND_SETTINGS:-}" ] && [ -S "$offline/docker.sock" ]; then use_offline_engine; fi
for tool in docker kind kubectl istioctl; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
docker info >/dev/null 2>&1 || skip "no container engine answers"
