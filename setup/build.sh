#!/usr/bin/env bash
# Configures and builds the programs and the tests. Output of the configuration is shown only when it fails.
. "$(dirname "$0")/lib.sh"
build=${BUILD:-$root_dir/build}
step "configuring" cmake -S "$root_dir" -B "$build/plain" -G Ninja -DCMAKE_BUILD_TYPE=Dev
say "building"
ninja -C "$build/plain" ${BUILD_TARGETS:-all} | tail -n 3
say "built: $build/plain/bin"
