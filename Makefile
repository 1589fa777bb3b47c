# Targets for users (demo, serve) and developers; `make help` lists them.
# All of them share one cargo profile and one target folder, so cargo builds each crate only once.

CARGO_BUILD = --profile ci --locked

# The AWS deployment: its stage, its processor architecture, and the packages that contain its Lambdas.
STAGE ?= dev
ARCH ?= arm64
LAMBDA_PACKAGES = merge assess recommend narrate render publish finalize start api deliver lifecycle
WORKFLOWS = $(wildcard .github/workflows/*.yml)
# Everything that runs on one machine, without the AWS SDK.
LOCAL = --workspace --exclude bespoke-aws --no-default-features
PYTEST = target/tools/interpreter/bin/pytest -p no:cacheprovider tests/aws

FUZZ_SECONDS ?= 600
STREAM_SECONDS ?= 60
REUSE_CUSTOMERS ?= 200
CUSTOMERS ?= 200

.PHONY: demo serve compile test check browser-test llama-test crash-test bench voice-check fuzz lint audit setup help aws-build aws-layers aws-deploy aws-smoke aws-test

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: compile ## Make recommendations for the sample customers, with videos for two of them
	cargo run $(CARGO_BUILD) -p bespoke -- voices install --optional
	cargo run $(CARGO_BUILD) -p bespoke -- demo $(DEMO)

serve: compile ## Serve the page and the API at 127.0.0.1:5000 and open the page
	cargo run $(CARGO_BUILD) -p bespoke -- voices install --optional
	cargo run $(CARGO_BUILD) -p bespoke -- serve --open $(SERVE)

compile: setup
	@test -x target/ci/bespoke || echo "Compiling the command. The first time takes 3 to 4 minutes on two cores."
	cargo build $(CARGO_BUILD) -p bespoke

test: setup ## Run the tests that every checkout must pass; they need neither AWS nor a browser
	@test -d target/ci || echo "Compiling the command and its tests. The first time takes about 8 minutes on two cores."
	infra/tools.sh llmock evidence
	cargo build $(CARGO_BUILD) $(LOCAL) --all-targets
	target/ci/bespoke voices install
	cargo test $(CARGO_BUILD) $(LOCAL)
	target/tools/evidence/bin/python tests/evidence/check.py target/ci/bespoke

check: test lint ## Run everything that CI runs: the tests, the lints, the AWS adapters and the emulated stack
	infra/tools.sh schemathesis sam emulator interpreter
	tests/http/check.py target/ci/bespoke target/tools/schemathesis/bin/schemathesis 45 1
	cargo build $(CARGO_BUILD) --workspace --bins
	cargo test $(CARGO_BUILD) --workspace --lib --test aws
	$(PYTEST)

browser-test: setup ## Test the page and customers' links in a real browser (SHOTS=FOLDER saves screenshots)
	infra/setup.sh chromium npm
	cargo build $(CARGO_BUILD) -p bespoke
	npm ci --silent --prefix tests/browser
	node --test --test-concurrency=1 $(wildcard tests/browser/*.test.mjs)

llama-test: setup ## Test the command against llama.cpp's own server, with a random model or MODEL=FILE.gguf
	infra/tools.sh llama
	cargo build $(CARGO_BUILD) -p bespoke
	target/tools/llama/bin/python tests/llama/run.py target/ci/bespoke $(MODEL)

crash-test: setup ## Kill a campaign three times at random, resume it, and verify the result (CUSTOMERS=200)
	CRASH_CUSTOMERS=$(CUSTOMERS) cargo test $(CARGO_BUILD) -p bespoke-tests --test campaign killed -- --nocapture

bench: setup ## Measure speed and memory against baselines that run beside Bespoke
	cargo build $(CARGO_BUILD) -p bespoke
	target/ci/bespoke voices install
	tests/bench/run.sh
	infra/tools.sh moviepy
	tests/bench/render.py target/ci/bespoke target/tools/moviepy/bin/python
	tests/bench/voice.py target/ci/bespoke
	tests/bench/streams.py target/ci/bespoke $(STREAM_SECONDS)
	tests/bench/campaign.py target/ci/bespoke
	tests/bench/reuse.py target/ci/bespoke $(REUSE_CUSTOMERS)
	cargo build $(CARGO_BUILD) --workspace --all-targets
	tests/bench/cold_start.py target/ci
	cargo build --release --locked -p bespoke --example intake --example intake_floor
	infra/tools.sh pandas
	infra/tools.sh vader
	tests/bench/sentiment.py target/ci/bespoke target/tools/vader/bin/python
	tests/bench/intake.py target/release/examples/intake target/release/examples/intake_floor target/ci/bespoke target/tools/pandas/bin/python

voice-check: setup ## Check the voices with a speech recognizer: word errors and word timing
	cargo build $(CARGO_BUILD) -p bespoke
	target/ci/bespoke voices install
	infra/tools.sh voice
	target/tools/voice/bin/python tests/voice/check.py target/ci/bespoke

fuzz: ## Fuzz the workbook readers (FUZZ_SECONDS=600 each)
	infra/setup.sh cargo-fuzz
	functions/merge/fuzz/seeds.py
	for target in container parts counts; do (cd functions/merge && RUSTC_BOOTSTRAP=1 cargo fuzz run $$target -- \
		-max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=512 -max_len=65536) || exit 1; done

lint: ## Check spelling, links, prose, CI workflows, formatting, clippy and docs
	infra/tools.sh lint
	target/tools/lint/bin/typos
	python3 -m unittest discover --start-directory infra/lint
	infra/lint/links.py
	infra/lint/prose.py
	$(if $(WORKFLOWS),target/tools/lint/bin/actionlint $(WORKFLOWS))
	infra/setup.sh libspeechd-dev libclang-dev
	cargo fmt --all --check
	cargo clippy $(CARGO_BUILD) --workspace --all-targets --features bespoke/aloud -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_BUILD) --workspace --no-deps

audit: ## Check dependencies: licenses, sources, and crates that no code uses
	infra/setup.sh cargo-deny cargo-machete
	cargo deny --all-features check bans licenses sources
	cargo machete

aws-build: setup ## Build the Lambdas for AWS (ARCH=arm64 or x86_64)
	infra/tools.sh sam
	rustup target add $(subst arm64,aarch64,$(ARCH))-unknown-linux-gnu
	PATH="$(CURDIR)/target/tools/sam/bin:$$PATH" cargo lambda build --release --locked --$(subst x86_64,x86-64,$(ARCH)) \
		$(addprefix --package ,$(LAMBDA_PACKAGES))

aws-layers: ## Build the Lambda layers: ffmpeg, espeak-ng, assets (ARCH=arm64 or x86_64)
	infra/layers/build.sh $(ARCH)
	rm -rf target/layers/media
	cp -a target/layers/$(ARCH)/media target/layers/media

aws-deploy: ## Deploy the built Lambdas and layers (STAGE=dev or prod, ARCH=arm64 or x86_64)
	infra/deploy.sh $(STAGE) $(ARCH)

aws-smoke: ## Check a deployed stack against the real AWS services (STAGE=dev; costs less than a dollar)
	infra/tools.sh interpreter
	target/tools/interpreter/bin/python tests/aws/smoke.py $(STAGE)

aws-test: setup ## Test the deployment on an AWS emulator
	cargo build $(CARGO_BUILD) --workspace --all-targets
	infra/tools.sh sam emulator interpreter checks
	npm install --silent --no-save --prefix target/tools/node asl-validator@4.0.0
	$(MAKE) aws-build ARCH=arm64
	WHOLE=1 $(PYTEST) -v -s -rs
	@echo "The rest can be tested only on AWS: run \`make aws-smoke\` once against a deployed stack."

setup: ## Install ffmpeg and espeak-ng if they are missing
	@infra/setup.sh ffmpeg espeak-ng
