# What people type. Each target sets up what it needs and is missing, and asks before it does what
# needs root; YES=1 answers that. See scripts/setup.

SETUP = scripts/setup $(if $(YES),--yes)

.PHONY: run build dist image test lint bench compare cluster fuzz watch setup

run: build ## build for release, and serve
	target/release/tickwire

build: ## leave target/release/tickwire and target/site
	$(SETUP) build
	scripts/env cargo leptos build --release --precompress

dist: ## leave target/dist/tickwire: one file, with the page inside
	$(SETUP) dist
	scripts/dist

image: dist ## leave an image `tickwire`, by docker, podman or buildah
	scripts/image

test: lint ## everything: lint, Rust tests, the JavaScript client, browser tests
	scripts/env cargo test
	scripts/env cargo test --manifest-path load/Cargo.toml --target-dir target
	npm --prefix client run --silent build
	npm --prefix client test --silent
	node --test bench/tests/*.test.mjs
	python3 -m unittest discover --quiet --start-directory bench/tests
	scripts/env cargo leptos end-to-end || { cd end2end && npx playwright test --last-failed --list; exit 1; }

lint: setup ## formatting, clippy, documentation, packages and dependencies, without a warning
	scripts/env cargo fmt --all --check
	scripts/env cargo fmt --check --manifest-path load/Cargo.toml
	scripts/env cargo fmt --check --all --manifest-path bench/rivals/rust/Cargo.toml
	scripts/env cargo clippy --all-targets -- -D warnings
	scripts/env cargo clippy --manifest-path load/Cargo.toml --target-dir target -- -D warnings
	scripts/env web-cargo clippy --package tickwire-page --target wasm32-unknown-unknown --target-dir target/front -- -D warnings
	RUSTDOCFLAGS="-D warnings" scripts/env cargo doc --no-deps
	scripts/env cargo package --no-verify --allow-dirty --quiet
	scripts/deny

bench: ## what peers cost, on a release build: a table. ARGS="--peers 1000 --hold 60s" and the like
	$(SETUP) build
	scripts/env cargo build --release
	scripts/bench $(ARGS)

compare: ## Tickwire and what else there is, over nine networks: a report, after half an hour and as root. ARGS=--help
	bench/compare $(ARGS)

cluster: setup ## three nodes with NATS and a balancer on this machine, for trying
	scripts/env cargo leptos build --release
	scripts/cluster

fuzz: ## what strangers reach, ten minutes each; needs cargo-fuzz
	for target in stun offer dtls sctp values; do \
	  scripts/env cargo fuzz run --sanitizer none $$target -- -max_total_time=600 -max_len=4096 || exit 1; done

watch: ## build, serve, and reload on each change
	$(SETUP) build
	scripts/env cargo leptos watch

setup: ## whatever is missing, the browsers of the tests included
	$(SETUP)
