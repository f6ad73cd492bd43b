# What can be done with a checkout; `make` lists it. The commands a user needs are setup, demo, run.
.DEFAULT_GOAL := help
SHELL := bash

OUTPUT ?= warmstart-output
ARGS ?=
# Recipes read these from the environment, so that a value may hold spaces and quotes. To be
# named after they are set: to `?=` a variable that is exported counts as set.
export PYTHON DATA OUTPUT
IMAGE ?= warmstart
PROCESSOR ?= gpu
TARGET ?= notebook

# What is measured by `make coverage`.
FOLDERS := cli components decoding pipelines review samples schemas

# Of the packages in uv.lock, those the image lacks: it has this very TensorFlow, built for its CUDA.
# The Dockerfile says the same.
EXPORT := export --quiet --frozen --no-emit-project --no-emit-package tensorflow

.PHONY: help setup demo run lint format test test-long coverage mutation bench bench-data bench-predict bench-review bench-scale bench-startup bench-kubeflow kubeflow-golden released requirements sbom audit image clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Make .venv on Python 3.11 with the versions in uv.lock [PYTHON=python3.11]
	@scripts/setup.sh

demo: setup ## Run the pipeline on the sample photos [OUTPUT=warmstart-output ARGS=...]
	.venv/bin/warmstart pipeline run --data samples/photos --output "$$OUTPUT" $(ARGS)

run: ## Run the pipeline on your photos: DATA=folder [OUTPUT=warmstart-output ARGS=...]
	@[[ -n $$DATA ]] || { echo "make run needs DATA, a folder with a folder of photos per class: make run DATA=photos" >&2; exit 2; }
	@$(MAKE) --no-print-directory setup
	.venv/bin/warmstart pipeline run --data "$$DATA" --output "$$OUTPUT" $(ARGS)

lint: setup ## Check style, types and the layers of imports
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

format: setup ## Rewrite the code in the project's style
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

test: setup ## Run the fast tests [ARGS="-k name"]
	.venv/bin/pytest -m "not slow" $(ARGS)

test-long: setup ## Run every test, the slow ones too [ARGS=...]
	.venv/bin/pytest $(ARGS)

coverage: setup ## Run the fast tests, and measure the branches that they reach: 95 % of each folder
	.venv/bin/coverage erase
	.venv/bin/coverage run -m pytest -m "not slow" $(ARGS)
	.venv/bin/coverage combine --quiet
	.venv/bin/coverage report
	@failed=0; for folder in $(FOLDERS); do \
		printf '%-10s ' "$$folder"; \
		.venv/bin/coverage report --include="$$folder/*" --format=total --fail-under=95 || failed=1; \
	done; exit $$failed

mutation: setup ## Count the changes of the code that no test notices: ARGS="review --sample 300"
	@[[ -n '$(ARGS)' ]] || { echo 'make mutation needs ARGS, files or folders of the code: make mutation ARGS="review --sample 300"' >&2; exit 2; }
	.venv/bin/python scripts/mutation.py $(ARGS)

bench: setup ## Compare with plain Keras and with TFX's own way on your photos: DATA=folder [ARGS="--photos 400 3200"]
	@[[ -n $$DATA ]] || { echo "make bench needs DATA, a folder with a folder of photos per class: make bench DATA=photos" >&2; exit 2; }
	.venv/bin/python -m benchmarks.training --data "$$DATA" $(ARGS)

bench-data: setup ## Compare looking at photos with bare loops: DATA=folder [ARGS="--memory 1000 20000"]
	@[[ -n $$DATA ]] || { echo "make bench-data needs DATA, a folder with a folder of photos per class: make bench-data DATA=photos" >&2; exit 2; }
	.venv/bin/python -m benchmarks.data --data "$$DATA" $(ARGS)

bench-predict: setup ## Compare predict with a bare loop: DATA=folder [OUTPUT=warmstart-output ARGS="--photos 1000"]
	@[[ -n $$DATA ]] || { echo "make bench-predict needs DATA, a folder with a folder of photos per class: make bench-predict DATA=photos" >&2; exit 2; }
	.venv/bin/python -m benchmarks.predict --data "$$DATA" --model "$$OUTPUT/models" $(ARGS)

bench-review: setup ## Measure reading ML Metadata of 1,000 runs [ARGS="--runs 1000"]
	.venv/bin/python -m benchmarks.review $(ARGS)

bench-scale: setup ## Measure how a run grows: DATA=folder [ARGS="--photos 1000 3000 10000"]
	@[[ -n $$DATA ]] || { echo "make bench-scale needs DATA, a folder with a folder of photos per class: make bench-scale DATA=photos" >&2; exit 2; }
	.venv/bin/python -m benchmarks.scale --data "$$DATA" $(ARGS)

bench-startup: setup ## Measure what is waited for before any work: DATA=folder [ARGS="--photos 400"]
	@[[ -n $$DATA ]] || { echo "make bench-startup needs DATA, a folder with a folder of photos per class: make bench-startup DATA=photos" >&2; exit 2; }
	.venv/bin/python -m benchmarks.startup --data "$$DATA" $(ARGS)

bench-kubeflow: setup ## Measure what Kubeflow adds to compiling and to a step [ARGS="--rounds 5"]
	.venv/bin/python -m benchmarks.kubeflow $(ARGS)

kubeflow-golden: setup ## Compile anew what kubeflow/golden keeps, after a change that is meant
	WARMSTART_REFRESH_GOLDEN=1 .venv/bin/pytest tests/pipelines/kubeflow/test_golden.py

released: setup ## Keep what this version writes, for the tests of every later one, at a release
	.venv/bin/python -m scripts.keep_release

requirements: ## Write requirements.txt: what the image installs, with hashes
	@uv=$$(scripts/setup.sh uv) && "$$uv" $(EXPORT) --output-file requirements.txt

sbom: ## Write sbom.cdx.json: every package in uv.lock, as CycloneDX 1.5
	@uv=$$(scripts/setup.sh uv) && "$$uv" export --quiet --frozen --all-extras --no-emit-project --format cyclonedx1.5 \
		--preview-features sbom-export --output-file sbom.cdx.json

audit: ## Ask PyPI's advisories about every package in uv.lock [ARGS="--ignore-vuln ID"]
	@uv=$$(scripts/setup.sh uv) && UV="$$uv" scripts/audit.sh $(ARGS)

image: ## Build the Docker image [PROCESSOR=cpu without CUDA, TARGET=worker without Jupyter, IMAGE=warmstart]
	docker build --tag $(IMAGE) --target $(TARGET) --build-arg PROCESSOR=$(PROCESSOR) .

clean: ## Remove caches and what builds left; .venv and results stay
	rm -rf build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache requirements.txt sbom.cdx.json
	find . -name __pycache__ -not -path './.venv/*' -not -path './.uv/*' -prune -exec rm -rf {} +
