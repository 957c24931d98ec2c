# The same tasks by the same names here and in CI.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Cargo is always asked for all default members: with `-p` the dependencies get other features, and are built a second time.
# Builds are kept outside the checkout, so that a fresh clone doesn't start from nothing.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/podrules/target

.PHONY: help test python check fmt lint doc layers cluster soak bench bench-launch schema cases build

help: ## list the tasks
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

test: ## set up what the tests need, and run all of them
	eval "$$(tools/ensure)"; cargo test --locked

python: ## the wheel and hooks on the oldest and the newest Python, and ClearML's own agent
	tools/wheel-check
	tools/agent-check

check: fmt lint doc layers test python cluster ## everything that CI checks

fmt: ## formatting
	cargo fmt --all --check

lint: ## clippy, warnings are errors
	cargo clippy --locked --workspace --all-targets --test cluster -- -D warnings

doc: ## the API's documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --workspace --exclude podrules-python

layers: ## the engine needs no command line, cluster, process or Python
	@if cargo tree --locked -p podrules --edges normal --prefix none | grep -E '^(clap|kube|tokio|rustix|pyo3)[ -]'; then \
	  echo "the engine must not need these" >&2; exit 1; fi

cluster: ## apply and run against a real control plane, which is built once and runs as long as the tests
	eval "$$(tools/ensure)"; tools/cluster/with cargo test --locked --test cluster

soak: ## ten thousand tasks through one agent: nothing lost, memory flat
	tools/cluster/with tools/soak

build: ## the binary
	cargo build --locked --release

bench: ## the engine's budgets, as ratios of one run
	cargo bench --locked --bench engine --bench hooks
	tools/bench-process

bench-launch: ## launches a second and memory of an agent, beside a plain client and kubectl
	eval "$$(tools/ensure)"; tools/cluster/with tools/bench-launch --follow 10000

schema: ## write schema/ from the types
	cargo run --locked --quiet -- schema rules > schema/rules.schema.json

cases: ## write the expected results of tests/cases and examples anew; read the difference before you commit it
	UPDATE=1 cargo test --locked --test cases --test examples --test cli
