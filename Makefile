# What one does here. Each target is a line; the work stands in scripts/ and in ris-pacs itself.

.PHONY: help setup run test check fmt bench soak screenshots docs assets locks
.DEFAULT_GOAL := help

# Words for the command behind a target: make test ARGS="-k booking", make run ARGS="--workers 2"
ARGS ?=

help: ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## Make .venv from the lock file, install missing system libraries
	@scripts/setup.sh

run: setup ## The demo practice at http://127.0.0.1:8080; Ctrl-C stops it
	@.venv/bin/ris-pacs run --demo $(ARGS)

test: ## The whole suite, with its peers; ARGS="-k word" for a part
	@scripts/setup.sh test
	@scripts/peers.sh .venv/bin/pytest -n auto --maxprocesses 8 --dist load $(ARGS)

check: ## Lint, types, imports, templates, migrations, files: under a minute
	@scripts/setup.sh test
	@.venv/bin/python scripts/check.py $(ARGS)

fmt: ## Format the code, mend what the linter can mend
	@scripts/setup.sh test
	@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format --quiet .

bench: setup ## Benchmarks beside their peers; ARGS=name for one
	@.venv/bin/ris-pacs bench $(ARGS)

soak: setup ## Hours of simulated practice, watching memory and lag
	@.venv/bin/ris-pacs bench soak $(ARGS)

screenshots: ## Every main page for every role at 1440 and 390 pixels, into docs/screenshots
	@scripts/setup.sh test
	@.venv/bin/python scripts/screenshots.py $(ARGS)

docs: setup ## The conformance statements, from what the code registers
	@.venv/bin/ris-pacs conformance $(ARGS)

assets: ## Build static/ from assets/ and npm packages (needs Node.js)
	npm ci
	npm run build

locks: ## Write requirements/*.lock anew from pyproject.toml; ARGS=--upgrade for newer versions
	@scripts/setup.sh test
	@scripts/locks.sh $(ARGS)
