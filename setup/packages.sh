#!/usr/bin/env bash
# Debian packages: what the build, the lab and the tests need. Installs only what is missing.
. "$(dirname "$0")/lib.sh"
packages=(
  g++ cmake ninja-build ccache pkg-config clang-format clang-tidy
  libcurl4-openssl-dev libc-ares-dev libboost1.81-dev libboost-filesystem1.81-dev nlohmann-json3-dev libyaml-cpp-dev
  libcli11-dev libfmt-dev libspdlog-dev libssl-dev libnghttp2-dev libldns-dev libarchive-dev libexpected-dev libgtest-dev libgmock-dev
  iproute2 iptables nftables python3 python3-jsonschema python3-prometheus-client python3-yaml python3-pip unzip ca-certificates
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then say "Debian packages: all there"; exit 0; fi
command -v apt-get >/dev/null || die "this is not a Debian system; please install: ${missing[*]}"
[ "$(id -u)" = 0 ] || die "not root, so these packages cannot be installed here: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
step "package lists" apt-get update -qq
step "installing ${#missing[@]} Debian packages" apt-get install -y -qq --no-install-recommends "${missing[@]}"
