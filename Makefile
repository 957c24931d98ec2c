# The same targets run here and in CI.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Cargo always gets all default members: with `-p`, dependencies get other features and are built a second time.
# Builds are kept outside the checkout, so that a fresh clone doesn't start from scratch.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/podrules/target

.PHONY: help test python check fmt lint doc layers cluster soak bench bench-launch schema cases build

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

test: ## run all tests, and set up what they need first
	eval "$$(tools/ensure)"; cargo test --locked

python: ## test the wheel and hooks on the oldest and newest Python, and with ClearML's own agent
	tools/wheel-check
	tools/agent-check

check: fmt lint doc layers test python cluster ## run everything that CI checks

fmt: ## check the formatting
	cargo fmt --all --check

lint: ## run clippy; warnings are errors
	cargo clippy --locked --workspace --all-targets --test cluster -- -D warnings

doc: ## build the API documentation; warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --workspace --exclude podrules-python

layers: ## check that the engine doesn't depend on command-line, cluster, process or Python crates
	@if cargo tree --locked -p podrules --edges normal --prefix none | grep -E '^(clap|kube|tokio|rustix|pyo3)[ -]'; then \
	  echo "the engine must not depend on these crates" >&2; exit 1; fi

cluster: ## test apply and run against a real control plane, which is built once and runs only during the tests
	eval "$$(tools/ensure)"; tools/cluster/with cargo test --locked --test cluster

soak: ## run ten thousand tasks through one agent: nothing lost, memory flat
	tools/cluster/with tools/soak

build: ## build the release binary
	cargo build --locked --release

bench: ## measure the engine against its budgets, as ratios within one run
	cargo bench --locked --bench engine --bench hooks
	tools/bench-process

bench-launch: ## measure an agent's launches per second and memory, compared with a plain client and kubectl
	eval "$$(tools/ensure)"; tools/cluster/with tools/bench-launch --follow 10000

schema: ## generate schema/ from the types
	cargo run --locked --quiet -- schema rules > schema/rules.schema.json

cases: ## regenerate the expected results of tests/cases, tests/cli and examples; read the diff before you commit it
	UPDATE=1 cargo test --locked --test cases --test examples --test cli
