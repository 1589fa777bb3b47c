# The two commands of the README, and what developers run besides.
# One profile and one target folder for all of them, so that nothing is built twice.

CARGO_BUILD = --profile ci --locked

.PHONY: demo test bench lint audit setup help

help: ## Show what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: setup ## Make recommendations for the sample customers, and videos for two of them
	cargo run $(CARGO_BUILD) -p bespoke -- demo $(DEMO)

test: setup ## Run every test
	cargo test $(CARGO_BUILD) --workspace

bench: setup ## Measure, as ratios against named baselines run side by side
	cargo build $(CARGO_BUILD) -p bespoke
	tests/bench/run.sh

lint: ## Formatting, clippy, docs
	cargo fmt --all --check
	cargo clippy $(CARGO_BUILD) --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_BUILD) --workspace --no-deps

audit: ## Dependencies: licences, sources, and those that nothing uses
	infra/setup.sh cargo-deny cargo-machete
	cargo deny --all-features check bans licenses sources
	cargo machete

setup: ## Install the programs that are missing: ffmpeg, espeak-ng
	@infra/setup.sh ffmpeg espeak-ng
