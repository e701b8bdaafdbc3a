#!/usr/bin/env bash
# What CI runs: format, layers and sizes, tidy on what changed, tests, and the unit tests under sanitizers.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
say() { printf '[%4ds] %s\n' "$SECONDS" "$*"; }
say "clang-format"
git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run -Werror
tests/check_layers.py
base=$(git rev-parse -q --verify 'HEAD~1' || true)
changed=$(git diff --name-only --diff-filter=d ${base:-HEAD} -- '*.cpp' | grep -v '^tests/' || true)
if [ -n "$changed" ]; then
  say "clang-tidy: $(echo "$changed" | wc -l) changed files"
  echo "$changed" | xargs -P "$(nproc)" -n 2 clang-tidy -p "$BUILD/plain" --quiet 2>/dev/null
fi
say "unit tests under AddressSanitizer and UndefinedBehaviorSanitizer: build"
cmake -S . -B "$BUILD/sanitize" -G Ninja -DCMAKE_BUILD_TYPE=Dev -DEGRESSPROOF_SANITIZE=address,undefined \
  -DEGRESSPROOF_UNIT_TESTS_ONLY=ON >"$BUILD/sanitize-configure.log" || { cat "$BUILD/sanitize-configure.log"; exit 3; }
ninja -C "$BUILD/sanitize" | tail -n 1
say "unit tests under AddressSanitizer and UndefinedBehaviorSanitizer: run"
ctest --test-dir "$BUILD/sanitize" --output-on-failure -j "$(nproc)" --no-tests=error >"$BUILD/sanitize-test.log" ||
  { grep -v ' Passed ' "$BUILD/sanitize-test.log"; exit 1; }
sed -n '/tests passed/,$p' "$BUILD/sanitize-test.log"
say "all tests"
ctest --test-dir "$BUILD/plain" --output-on-failure -j "$(nproc)" --no-tests=error >"$BUILD/test.log" ||
  { grep -v ' Passed ' "$BUILD/test.log"; exit 1; }
sed -n '/tests passed/,$p' "$BUILD/test.log"
grep '^SKIPPED' "$BUILD/plain/Testing/Temporary/LastTest.log" | sort -u || true
say "done"
