# Everything runs in virtual environments that these targets make; nothing has to be prepared by hand.
PYTHON ?= python3
TEST_PROCESSES ?= 2
VENV := .venv
DEMO_VENV := .venv-demo
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test mobile-client mobile-models check fix bench clean FORCE

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# With PYTHON given, an environment of another version is made anew; without, one that is there is kept as it is.
version_of = $(shell $(1) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
other_version = $(if $(filter-out file,$(origin PYTHON)),$(if $(filter $(call version_of,$(PYTHON)),$(call version_of,$(1)/bin/python)),,FORCE))

# A data set of the hub needs the extra hf, which the environment of the tests has.
DEMO_IN := $(if $(filter hf:%,$(IMAGES)),$(VENV),$(DEMO_VENV))

demo: $(DEMO_IN)/.ready ## index photos and show what looks alike; IMAGES=FOLDER takes your own
	$(DEMO_IN)/bin/lookalike demo $(if $(IMAGES),--images "$(IMAGES)") --output demo-output

test: check demo $(VENV)/.ready mobile-client mobile-models ## check, run the demo without any extra installed, then run every test
	$(VENV)/bin/python -m pytest --numprocesses $(TEST_PROCESSES)

# The client of the TFLite Task Library excludes what the extra mobile needs, and has wheels for this platform alone;
# the converter of checkpoints excludes what the extra ui needs.
CLIENT_VENV := .venv-mobile-client
MODELS_VENV := .venv-mobile-models
HAS_PHONE_TOOLS := $(shell $(PYTHON) -c 'import platform, sys; print("yes" if sys.version_info[:2] == (3, 11) and platform.system() == "Linux" and platform.machine() == "x86_64" else "")' 2>/dev/null)

mobile-client: $(if $(HAS_PHONE_TOOLS),$(CLIENT_VENV)/.ready) ## the phone's client, which tests of exported galleries ask

mobile-models: $(if $(HAS_PHONE_TOOLS),$(MODELS_VENV)/.ready) ## the converter that makes models for phones from checkpoints

check: $(VENV)/.ready ## lint, formatting, types, and the import contract
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

fix: $(VENV)/.ready ## mend what the linter can mend, and format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.ready ## run every benchmark and write benchmarks/RESULTS.md
	$(VENV)/bin/python -m benchmarks

clean: ## remove the virtual environments, caches and the demo's output
	rm -rf $(VENV) $(DEMO_VENV) $(CLIENT_VENV) $(MODELS_VENV) demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# The demo's environment has the core alone, so that an import of what only an extra installs shows.
$(DEMO_VENV)/.ready: pyproject.toml constraints.txt $(call other_version,$(DEMO_VENV))
	$(call new_venv,$(DEMO_VENV))
	@echo "installing lookalike into $(DEMO_VENV): about a minute"
	@$(DEMO_VENV)/bin/python $(PIP_INSTALL) --editable . scikit-image
	@touch $@

$(VENV)/.ready: pyproject.toml constraints.txt $(call other_version,$(VENV))
	$(call new_venv,$(VENV))
	@echo "installing lookalike, its extras and the development tools into $(VENV): a few minutes"
	@$(VENV)/bin/python $(PIP_INSTALL) --editable ".[dev,hf,int8,heif,plot,map,scann,milvus,ui,mobile,onnx]" efficientnet-lite-pytorch
	@touch $@

$(CLIENT_VENV)/.ready: tests/mobile/client-constraints.txt $(call other_version,$(CLIENT_VENV))
	$(call new_venv,$(CLIENT_VENV))
	@echo "installing the phone's client into $(CLIENT_VENV): half a minute"
	@$(CLIENT_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $< tflite-support
	@touch $@

$(MODELS_VENV)/.ready: tests/mobile/models-constraints.txt pyproject.toml $(call other_version,$(MODELS_VENV))
	$(call new_venv,$(MODELS_VENV))
	@echo "installing the converter of checkpoints into $(MODELS_VENV): two minutes"
	@$(MODELS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $< \
		--editable ".[mobile-models]" ai-edge-quantizer
	@touch $@

# An environment that was finished for other pins is made anew; an interrupted one goes on where it was.
define new_venv
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { echo \
		"lookalike needs Python 3.10 to 3.13, and '$(PYTHON)' is not one; name one: make PYTHON=python3.12" >&2; exit 1; }
	@if [ -e $(1)/.ready ] || [ -n "$(call other_version,$(1))" ] || ! $(1)/bin/python -c '' 2>/dev/null; then rm -rf $(1); \
		$(PYTHON) -m venv $(1) || { rm -rf $(1); \
		echo "no virtual environment could be made; on Debian or Ubuntu, first: apt install python3-venv" >&2; exit 1; }; fi
endef
