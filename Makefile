# Stoa. `make run` and `make test` are all that is needed; both set up what they need themselves.

CARGO ?= cargo
ARGS ?=

.PHONY: run build web test lint bench clean setup help

help: ## what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

run: web ## build pages and server, start `stoa dev` (ARGS="--listen …" is passed on)
	$(CARGO) build --bin stoa
	target/debug/stoa dev $(ARGS)

build: web ## release binary with the pages inside, at target/release/stoa
	$(CARGO) build --release --bin stoa
	@ls -l target/release/stoa

web: ## build the pages into web/dist
	@scripts/setup.sh web
	@scripts/build-web.sh

test: ## set up everything, then run everything
	@scripts/setup.sh test
	@python3 scripts/check.py

lint: ## the static checks only
	@scripts/setup.sh test
	@python3 scripts/check.py --only lint

bench: web ## the figures of README.md, each beside its baseline from the same run
	$(CARGO) build --release --bin stoa --bin stoa-load
	target/release/stoa-load bench $(ARGS)

setup: ## install what the tests need, run nothing
	@scripts/setup.sh test

clean: ## remove everything that can be made again
	$(CARGO) clean
	rm -rf .venv .pg web/dist web/node_modules tests/browser/node_modules test-results
	find tests -name __pycache__ -prune -exec rm -rf {} + 
	rm -rf tests/.pytest_cache .pytest_cache tests/.hypothesis .hypothesis
