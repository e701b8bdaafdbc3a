# The recipes are scripts so that they can be run and read alone.
BUILD ?= build

.PHONY: packages toolchain setup build test format
packages:
	@setup/packages.sh
toolchain: packages
	@setup/toolchain.sh
setup: toolchain

build: packages
	@cmake -S . -B $(BUILD)/dev -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo >$(BUILD)-configure.log 2>&1 || { cat $(BUILD)-configure.log; exit 3; }
	@rm -f $(BUILD)-configure.log
	@ninja -C $(BUILD)/dev

test: setup build
	@BUILD=$(BUILD) tests/run.sh

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i
