# What people type. Each target sets up what it needs and is missing; see scripts/setup.

.PHONY: run build test lint watch setup

run: build ## build for release, and serve
	target/release/tickwire

build: ## leave target/release/tickwire and target/site
	scripts/setup build
	scripts/env cargo leptos build --release --precompress

test: lint ## everything: formatting, clippy, Rust tests, browser tests
	scripts/env cargo test --features ssr
	scripts/env cargo leptos end-to-end

lint: setup ## formatting, and clippy without a warning on both halves
	scripts/env cargo fmt --check
	scripts/env cargo clippy --features ssr --all-targets -- -D warnings
	scripts/env web-cargo clippy --lib --features hydrate --target wasm32-unknown-unknown --target-dir target/front -- -D warnings

watch: ## build, serve, and reload on each change
	scripts/setup build
	scripts/env cargo leptos watch

setup: ## whatever is missing, the browser of the tests included
	scripts/setup
