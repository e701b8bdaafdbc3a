#!/usr/bin/env bash
# What CI runs: format, layers and sizes, tidy on what changed, tests, and the unit tests under sanitizers.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run -Werror
tests/check_layers.py
base=$(git rev-parse -q --verify 'HEAD~1' || true)
changed=$(git diff --name-only --diff-filter=d ${base:-HEAD} -- '*.cpp' | grep -v '^tests/' || true)
if [ -n "$changed" ]; then
  echo "clang-tidy: $(echo "$changed" | wc -l) changed files"
  echo "$changed" | xargs -P "$(nproc)" -n 4 clang-tidy -p "$BUILD/dev" --quiet 2>/dev/null
fi
echo "unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"
cmake -S . -B "$BUILD/sanitize" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DEGRESSPROOF_SANITIZE=address,undefined \
  -DEGRESSPROOF_UNIT_TESTS_ONLY=ON >"$BUILD/sanitize-configure.log"
ninja -C "$BUILD/sanitize"
ctest --test-dir "$BUILD/sanitize" --output-on-failure -j "$(nproc)" --no-tests=error | tail -n 5
ctest --test-dir "$BUILD/dev" --output-on-failure -j "$(nproc)" --no-tests=error
