# SPDX-License-Identifier: MIT
# A front door: every target is a short command that you can type yourself. The build itself is CMakeLists.txt and setup.py.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := $(VENV)/.tools
READY := $(VENV)/.ready
# What tests and checks need besides.
CHECKERS := $(VENV)/.checkers
CXX_FILES := $(shell git ls-files -co --exclude-standard '*.cpp' '*.h' 2>/dev/null)
# The passes, by the folders of their tests.
PASSES := $(notdir $(wildcard test/[A-Z]*))
# A process for each core. Tests that share what is dear to make stay in one of them.
PYTEST := PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadgroup
BUILD_INPUTS := pyproject.toml setup.py CMakeLists.txt backend/__init__.py $(CXX_FILES) \
	$(wildcard cmake/* include/graft/*/*.td include/graft/*/CMakeLists.txt)

.DEFAULT_GOAL := help
.PHONY: help run pass test test-all test-lit test-unit test-gpu build toolchain docs format lint clean distclean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(READY) ## compile the example kernels for three targets, show the table; launch them where there is a GPU
	$(BIN)/python python/examples/run.py

test: test-lit test-unit ## what needs no GPU, with samples of the sweeps; takes minutes

test-all: test-lit $(CHECKERS) ## also whole sweeps, the manuals' commands, and our build inside a host like Triton's; CI runs it
	$(PYTEST)

test-lit: $(CHECKERS) ## the passes (lit and FileCheck)
	$(BIN)/lit -v test

pass: $(if $(wildcard $(CHECKERS)),,$(CHECKERS)) ## build the passes and run the tests of one: make pass P=SomePass
	@test -n "$(P)" -a -d "test/$(P)" || { echo "make pass P=NAME, and NAME is one of: $(PASSES)"; exit 2; }
	@$(BIN)/cmake --build build/cmake --target graft_passes
	@cp build/cmake/libgraft_passes.so backend/libgraft_passes.so.tmp && mv backend/libgraft_passes.so.tmp backend/libgraft_passes.so
	$(BIN)/lit -v test/$(P)

test-unit: $(CHECKERS) ## the backend (pytest), with samples of the sweeps
	$(PYTEST) -m "not slow"

# % if "template" in wings
.PHONY: test-host
test-host: $(CHECKERS) ## Triton on the processor, the example backend: its tests
	ln -sfn ../../.toolchain examples/host/.toolchain
	$(BIN)/python -m pip install --quiet --no-build-isolation -e examples/host
	$(BIN)/lit examples/host/test
	cd examples/host && $(CURDIR)/$(BIN)/python -m pytest

# % endif
test-gpu: $(CHECKERS) ## the kernels on a CUDA device; needs PyTorch with CUDA in .venv
	$(BIN)/python -m pytest test/gpu

# % if "bundle" in wings
.PHONY: fuzz
fuzz: $(CHECKERS) ## give 100,000 damaged bundles to the reader; takes minutes
	$(BIN)/python test/unit/bundle_mutations.py --count 100000

# % endif
# % if "launch" in wings
.PHONY: sanitize
sanitize: $(CHECKERS) ## give 1,000 hostile programs to the launcher, built with AddressSanitizer; takes minutes
	$(BIN)/cmake -S . -B build/sanitize -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
		-DPython3_EXECUTABLE=$(CURDIR)/$(BIN)/python -DCMAKE_BUILD_TYPE=Release -DGRAFT_LAUNCHER_SANITIZE=ON
	$(BIN)/cmake --build build/sanitize --target graft_launcher
	LD_PRELOAD="$$($${CXX:-c++} -print-file-name=libasan.so) $$($${CXX:-c++} -print-file-name=libstdc++.so.6)" ASAN_OPTIONS=detect_leaks=0 $(BIN)/python test/unit/hostile_cases.py \
		--cases $${CASES:-1000} --seed $${SEED:-0} --launcher build/sanitize/launch/_launcher*.so

# % endif
# % if "bundle" in wings
.PHONY: soak
soak: $(CHECKERS) ## launch, tune, load, clear and fork for HOURS=1 on the stub; what the process holds on to must not grow
	$(BIN)/python test/unit/soak.py --hours $${HOURS:-1} --seed $${SEED:-0}

# % endif
build: $(CHECKERS) ## set up .venv with Triton, the pass library and the tools

$(TOOLS): pyproject.toml cmake/toolchain.py
	@command -v $${CXX:-c++} > /dev/null || { echo "the build needs a C++ compiler, and there is none: install g++ or clang, or set CXX"; exit 2; }
	@$(BIN)/python -c 'import pip' 2> /dev/null || { echo "setting up $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing Triton 3.9 and the build tools"
	@$(BIN)/python -m pip install --quiet --upgrade pip 'setuptools>=77' 'cmake>=3.25' ninja 'triton==3.9.*'
	@$(BIN)/python cmake/toolchain.py
	@touch $@

$(READY): $(TOOLS) $(BUILD_INPUTS)
	@echo "building the passes (about a minute)"
	@$(BIN)/python -m pip install --quiet --no-build-isolation -e '.[cli]'
	@touch $@

$(CHECKERS): $(READY)
	@echo "installing what tests and checks need"
	@$(BIN)/python -m pip install --quiet --group test
	@touch $@

toolchain: ## find or fetch the LLVM headers and mlir-tblgen
	$(PYTHON) cmake/toolchain.py

docs: $(CHECKERS) ## write what of the manual comes from tables, docs/passes.md and the table of options in README.md, and build it
	$(BIN)/python cmake/pass_docs.py > docs/passes.md
	$(BIN)/python cmake/option_docs.py
# % if "template" in wings
	@$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html docs build/docs
	@echo "the site is build/docs/index.html"
# % endif

# % if "template" in wings
.PHONY: pictures
pictures: $(CHECKERS) ## draw the pictures of the docs anew, from docs/diagrams and docs/data
	$(BIN)/python tools/pictures.py

# % endif
# % if "bench" in wings
.PHONY: bench
bench: $(READY) ## measure; most of it needs a CUDA device
	$(BIN)/python -m pip install --quiet -e '.[bench,cli]' --no-build-isolation
	$(BIN)/python -m triton.backends.graft bench kernels
	$(BIN)/python -m triton.backends.graft bench launch

# % endif
format: $(CHECKERS) ## format C++ and Python
	$(BIN)/clang-format -i $(CXX_FILES)
	$(BIN)/ruff check --quiet --fix . && $(BIN)/ruff format --quiet .

lint: $(CHECKERS) ## check format, style, types and spelling
	$(BIN)/clang-format --dry-run --Werror $(CXX_FILES)
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

clean: ## remove what was built
	rm -rf build dist *.egg-info backend/*.so backend/*/*.so $(READY) $(CHECKERS) .pytest_cache .mypy_cache .ruff_cache

distclean: clean ## remove .venv and the fetched toolchain too
	rm -rf $(VENV) .toolchain
