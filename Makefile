# The recipes are scripts so that they can be run and read alone.
BUILD ?= build
ARGS ?=
# A compiler cache that is of use to every checkout: paths below this folder count as relative.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

.PHONY: packages toolchain setup build programs run test format
packages:
	@setup/packages.sh
toolchain: packages
	@setup/toolchain.sh
setup: toolchain

build: packages
	@BUILD=$(BUILD) setup/build.sh

programs: packages
	@BUILD=$(BUILD) BUILD_TARGETS="egressproof egressproof-probe egressproof-target egressproof-sandbox" setup/build.sh

run: setup programs
	@$(BUILD)/plain/bin/egressproof run scenarios $(ARGS)

test: setup build
	@BUILD=$(BUILD) tests/run.sh

format:
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i
