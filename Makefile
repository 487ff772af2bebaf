# SPDX-License-Identifier: BSD-3-Clause
# Short verbs over meson. Every verb does its own set-up on a fresh Debian or Ubuntu.
#
#   make            build into build/; the program is build/sluice
#   make demo       carry real traffic through a chain (as root), or a capture (as anyone)
#   make check      all tests; ends with "N passed, N failed"
#   make bench      cycles per packet, also of DPDK's, Open vSwitch's and the kernel's;
#                   build/bench.json
#   make bench-docs put the last bench's tables and plot into docs/performance.md
#   make fuzz       fuzz every packet path and parser (FUZZ_SECONDS each, default 600)
#   make lint       clang-format, clang-tidy, cppcheck, shellcheck
#   make format     rewrite the sources as clang-format wants them
#   make docs       regenerate the reference pages made from the plugins' tables
#   make install    into DESTDIR and PREFIX
#
# Settings: MARCH=native|x86-64-v3|..., LTO=true, CC=clang, PREFIX=/usr/local, DESTDIR=

BUILD ?= build
MARCH ?= native
LTO ?= false
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600
# Debian's meson and the Python that goes with it, whatever else comes first on PATH.
export PATH := /usr/bin:$(PATH)

sources = $(shell git ls-files '*.c' '*.h')
scripts = $(shell git grep -lE '^\#!/bin/(ba)?sh|^\#!/usr/bin/env (ba)?sh')

.PHONY: all demo check bench bench-docs fuzz lint format docs install packages-build
all: packages-build $(BUILD)/build.ninja
	@ninja -C $(BUILD)

packages-build:
	@tools/packages install build

$(BUILD)/build.ninja: | packages-build
	@meson setup $(BUILD) -Dmarch=$(MARCH) -Db_lto=$(LTO) -Dprefix=$(PREFIX)

demo: all
	@tools/packages install demo
	@examples/demo/run.sh $(BUILD)

check: all
	@tools/packages install test lint fuzz
	@tests/run --build $(BUILD)

bench: all
	@tools/packages install bench
	@tests/bench/run --build $(BUILD)

bench-docs:
	@tests/bench/run --build $(BUILD) --update-docs

fuzz:
	@tools/packages install build fuzz
	@tests/fuzz/run --seconds $(FUZZ_SECONDS)

lint: all
	@tools/packages install lint fuzz
	@tools/lint $(BUILD)

format:
	@tools/packages install lint
	@clang-format -i $(sources)

docs: all
	@tools/reference $(BUILD)

install: all
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild
