# The two commands of the README, and what developers run besides.
# One profile and one target folder for all of them, so that nothing is built twice.

CARGO_BUILD = --profile ci --locked

# What is deployed on AWS, and for what.
STAGE ?= dev
ARCH ?= arm64
FUNCTIONS = merge assess recommend narrate render publish finalize start api deliver lifecycle
PYTEST = target/tools/interpreter/bin/pytest -p no:cacheprovider tests/aws

FUZZ_SECONDS ?= 600
STREAM_SECONDS ?= 60
CUSTOMERS ?= 200

.PHONY: demo serve test browser-test llama-test crash-test bench voice-check fuzz lint audit setup help aws-build aws-layers aws-deploy aws-test

help: ## Show what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: setup ## Make recommendations for the sample customers, and videos for two of them
	cargo run $(CARGO_BUILD) -p bespoke -- voices install --optional
	cargo run $(CARGO_BUILD) -p bespoke -- demo $(DEMO)

serve: setup ## Serve the page and the API at 127.0.0.1:5000, and open the page
	cargo run $(CARGO_BUILD) -p bespoke -- voices install --optional
	cargo run $(CARGO_BUILD) -p bespoke -- serve --open $(SERVE)

test: setup ## Run every test but those that have a target of their own, below
	infra/tools.sh llmock
	cargo build $(CARGO_BUILD) --workspace --all-targets
	target/ci/bespoke voices install
	cargo test $(CARGO_BUILD) --workspace
	infra/tools.sh schemathesis
	tests/http/check.py target/ci/bespoke target/tools/schemathesis/bin/schemathesis 45 1
	infra/tools.sh sam emulator interpreter
	$(PYTEST)

browser-test: setup ## The page and customers' links in a real browser: the whole job, review, keyboard, narrow and dark, accessibility, weight (SHOTS=FOLDER: pictures)
	infra/setup.sh chromium npm
	cargo build $(CARGO_BUILD) -p bespoke
	npm ci --silent --prefix tests/browser
	node --test --test-concurrency=1 $(wildcard tests/browser/*.test.mjs)

llama-test: setup ## Have a model file's nonsense judged: the command against llama.cpp's own server (MODEL=FILE.gguf)
	infra/tools.sh llama
	cargo build $(CARGO_BUILD) -p bespoke
	target/tools/llama/bin/python tests/llama/run.py target/ci/bespoke $(MODEL)

crash-test: setup ## Kill a campaign over many customers three times at random, take it up again, and verify it (CUSTOMERS=200)
	CRASH_CUSTOMERS=$(CUSTOMERS) cargo test $(CARGO_BUILD) -p bespoke-tests --test campaign killed -- --nocapture

bench: setup ## Measure, as ratios against named baselines run side by side
	cargo build $(CARGO_BUILD) -p bespoke
	target/ci/bespoke voices install
	tests/bench/run.sh
	infra/tools.sh moviepy
	tests/bench/render.py target/ci/bespoke target/tools/moviepy/bin/python
	tests/bench/voice.py target/ci/bespoke
	tests/bench/streams.py target/ci/bespoke $(STREAM_SECONDS)
	tests/bench/campaign.py target/ci/bespoke
	cargo build $(CARGO_BUILD) --workspace --all-targets
	tests/bench/cold_start.py target/ci
	cargo build --release --locked -p bespoke --example intake --example intake_floor
	infra/tools.sh pandas
	infra/tools.sh vader
	tests/bench/sentiment.py target/ci/bespoke target/tools/vader/bin/python
	tests/bench/intake.py target/release/examples/intake target/release/examples/intake_floor target/ci/bespoke target/tools/pandas/bin/python

voice-check: setup ## Let an independent recogniser listen to the voices: word errors, and when each word starts
	cargo build $(CARGO_BUILD) -p bespoke
	target/ci/bespoke voices install
	infra/tools.sh voice
	target/tools/voice/bin/python tests/voice/check.py target/ci/bespoke

fuzz: ## Feed the reading of workbooks with what no program writes (FUZZ_SECONDS=600 each)
	infra/setup.sh cargo-fuzz
	functions/merge/fuzz/seeds.py
	for target in container parts; do (cd functions/merge && RUSTC_BOOTSTRAP=1 cargo fuzz run $$target -- \
		-max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=1024 -max_len=65536) || exit 1; done

lint: ## Formatting, clippy, docs
	infra/setup.sh libspeechd-dev libclang-dev
	cargo fmt --all --check
	cargo clippy $(CARGO_BUILD) --workspace --all-targets --features bespoke/aloud -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_BUILD) --workspace --no-deps

audit: ## Dependencies: licences, sources, and those that nothing uses
	infra/setup.sh cargo-deny cargo-machete
	cargo deny --all-features check bans licenses sources
	cargo machete

aws-build: setup ## Build the functions for AWS (ARCH=arm64 or x86_64)
	infra/tools.sh sam
	rustup target add $(subst arm64,aarch64,$(ARCH))-unknown-linux-gnu
	PATH="$(CURDIR)/target/tools/sam/bin:$$PATH" cargo lambda build --release --locked --$(subst x86_64,x86-64,$(ARCH)) \
		$(addprefix --package ,$(FUNCTIONS))

aws-layers: ## Build the layers for AWS: ffmpeg, espeak-ng, assets (ARCH=arm64 or x86_64)
	infra/layers/build.sh $(ARCH)
	rm -rf target/layers/media
	cp -a target/layers/$(ARCH)/media target/layers/media

aws-deploy: ## Deploy what was built (STAGE=dev or prod)
	target/tools/sam/bin/sam deploy --config-env $(STAGE)

aws-test: setup ## Prove the deployment as far as one machine can, and say what only AWS can prove
	cargo build $(CARGO_BUILD) --workspace --all-targets
	infra/tools.sh sam emulator interpreter checks
	npm install --silent --no-save --prefix target/tools/node asl-validator@4.0.0
	$(MAKE) aws-build ARCH=arm64
	WHOLE=1 $(PYTEST) -v -s -rs
	@cat tests/aws/ONLY_AWS.txt

setup: ## Install the programs that are missing: ffmpeg, espeak-ng
	@infra/setup.sh ffmpeg espeak-ng
