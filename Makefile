# Front door over Meson. `make help` lists the targets; everything here can also be done with meson and pytest directly.
SHELL := /bin/bash
# A comma that survives inside $(call ...).
, := ,
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

BUILD ?= build
BUILD_TYPECHECK ?= build-typecheck
BUILD_COVERAGE ?= build-coverage
BUILD_ASAN ?= build-asan
BUILD_TSAN ?= build-tsan
BUILD_FUZZ ?= build-fuzz
BUILD_MEDIA ?= build-media
BUILD_STS ?= build-sts
# Debian's Python, whose packages the tests use, whatever else is on PATH.
PYTHON ?= /usr/bin/python3
JOBS ?= $(shell nproc)
MESON_FLAGS ?=
# The end-to-end tests mostly wait for real streams: two files of them at a time.
PYTEST_FLAGS ?= -n 2 --dist loadfile
DEMO_INPUT ?=
# Of the container images; empty: this machine's.
PLATFORMS ?=
FUZZ_SECONDS ?= 60
SOAK_MINUTES ?= 20

SETUP := scripts/setup.sh
RUN_TESTS := $(PYTHON) scripts/run_tests.py
# STACK=native|docker in the environment or in .env chooses between the programs built here and their images.
RUN_STACK := $(PYTHON) scripts/stack.py
# make up ONLY=sts-service: one program of the stack (media-router, media-service, sts-service) or one side (media, sts).
ONLY ?=
ONLY_FLAG = $(if $(ONLY),--only $(ONLY))
MEDIA_SERVICES := media-router,media-service

# $(call configure,DIR,FLAGS): make the build folder once; later changes of meson.build are picked up by ninja.
define configure
	@[ -f $(1)/build.ninja ] || meson setup $(1) $(2) $(MESON_FLAGS)
endef

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-24s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##-- Set-up and build

.PHONY: setup media-setup sts-setup setup-peers setup-stream setup-sts build clean clean-artifacts install-hooks
setup: ## Install what is missing to build, run and test everything (Debian packages)
	@$(SETUP) all
media-setup: ## Install what the media side needs
	@$(SETUP) media
sts-setup: ## Install what the speech side needs
	@$(SETUP) sts
setup-peers: ## Install large programs that only slow tests use as peers (OBS)
	@$(SETUP) peers
setup-stream: media-setup ## Same as media-setup
setup-sts: sts-setup ## Same as sts-setup
build: ## Build all programs into build/
	$(call configure,$(BUILD),)
	@ninja -C $(BUILD) -j $(JOBS) --quiet
clean: ## Remove the build folders
	@rm -rf $(BUILD) $(BUILD_TYPECHECK) $(BUILD_COVERAGE) $(BUILD_ASAN) $(BUILD_TSAN) $(BUILD_FUZZ) $(BUILD_MEDIA) $(BUILD_STS)
clean-artifacts: ## Remove runs, logs, state and reports; keep models
	@find .local -mindepth 1 -maxdepth 1 ! -name models -exec rm -rf {} + 2>/dev/null || true
install-hooks: ## Install the Git pre-commit hook
	@git config core.hooksPath scripts/hooks && echo "hooks in scripts/hooks are active"

##-- Run it

DEMO = $(PYTHON) scripts/demo.py --build-dir $(BUILD) $(if $(DEMO_INPUT),--input "$(DEMO_INPUT)") $(if $(DEMO_LATENCY),--latency $(DEMO_LATENCY))

.PHONY: demo demo-neural dev up down logs ps api-status metrics images build-for-stack
demo: setup build ## Dub a sample live stream end to end and check the recording (DEMO_INPUT=clip.mp4, DEMO_LATENCY=6, STS_TTS_ENGINE=...)
	@$(DEMO)
demo-neural: setup build ## As demo, with sts-service built in a Debian root that has whisper, llama and piper (see test-neural)
	@$(PYTHON) scripts/neural_root.py build
	@$(DEMO) --neural-root
dev: build-for-stack ## Start the stack and stay in the foreground (ONLY=one program, MEDIA_ROUTER=builtin|mediamtx|external, STACK=native|docker)
	@$(RUN_STACK) up $(ONLY_FLAG) --build-dir $(BUILD)
up: dev ## Same as dev; with containers DETACH=1 leaves them running in the background
# Containers need nothing that is installed or built here.
build-for-stack:
	@kind=native; if command -v $(PYTHON) >/dev/null; then kind=$$($(RUN_STACK) kind) || exit; fi; \
	[ "$$kind" = docker ] || $(MAKE) --no-print-directory setup build
down: ## Stop the stack that dev started (ONLY=one program of it)
	@$(RUN_STACK) down $(ONLY_FLAG)
logs: ## Follow the logs of the stack (ONLY=one program of it)
	@$(RUN_STACK) logs $(ONLY_FLAG)
ps: ## Show the processes of the stack
	@$(RUN_STACK) ps $(ONLY_FLAG)
api-status: ## Print the streams that media-service knows
	@curl -fsS "http://$${ORCH_HTTP_ADDR:-127.0.0.1:8080}/api/v1/streams"; echo
metrics: ## Print the metrics of media-service and sts-service
	@curl -fsS "http://$${ORCH_HTTP_ADDR:-127.0.0.1:8080}/metrics"
	@curl -fsS "http://$${STS_ADDR:-127.0.0.1}:$${STS_PORT:-8000}/metrics"
images: ## Build the container images and print their sizes (PLATFORMS=linux/amd64,linux/arm64, ONLY=sts-service)
	@$(PYTHON) scripts/images.py --platforms "$(PLATFORMS)" --only "$(ONLY)"

.PHONY: deb release
release: ## Packages and images as a folder that hosts are deployed from, .local/release (RELEASE_OUT, RELEASE_METHODS)
	@scripts/release.sh
deb: ## Build the Debian packages of HEAD into .local/deb (DEB_OUT, DEB_REF, DEB_VERSION)
	@scripts/deb.sh

.PHONY: models
models: sts-build ## Fetch the recommended models: LANGS="en es" (DEVICE=cuda for a GPU; MODELS="base silero" by name)
	@$(PYTHON) scripts/models.py --program $(BUILD_STS)/apps/sts-service/sts-service --languages "$(LANGS)" --device $(or $(DEVICE),cpu) $(MODELS)

##-- Test

.PHONY: test test-all test-unit test-contract test-integration test-coverage test-asan test-tsan test-deploy test-neural
test: setup build ## Everything: unit, contract, integration and end-to-end tests, with totals
	@$(RUN_TESTS) --build-dir $(BUILD) --meson unit,contract,component,fuzz-corpus --pytest . -- $(PYTEST_FLAGS)
test-all: setup build ## As test, with the slow ones
	@$(RUN_TESTS) --build-dir $(BUILD) --meson unit,contract,component,fuzz-corpus,slow --pytest . --slow -- $(PYTEST_FLAGS)
test-unit: build ## Unit tests only
	@$(RUN_TESTS) --build-dir $(BUILD) --meson unit
test-contract: build ## Contract suites and schemas
	@$(RUN_TESTS) --build-dir $(BUILD) --meson contract --pytest libs/contracts
test-integration: build ## Tests with one real dependency or real sockets
	@$(RUN_TESTS) --build-dir $(BUILD) --meson component,fuzz-corpus --pytest apps/media-router,apps/sts-service,libs
test-coverage: setup ## Run the C tests under gcov and hold the limits of docs/coverage.json
	$(call configure,$(BUILD_COVERAGE),-Db_coverage=true -Dbuildtype=debug)
	@ninja -C $(BUILD_COVERAGE) -j $(JOBS) --quiet
	@$(PYTHON) scripts/coverage.py --build-dir $(BUILD_COVERAGE)
test-asan: setup ## Unit, contract and component tests under AddressSanitizer and UBSan
	$(call configure,$(BUILD_ASAN),-Db_sanitize=address$(,)undefined -Db_lundef=false)
	@ninja -C $(BUILD_ASAN) -j $(JOBS) --quiet
	@$(RUN_TESTS) --build-dir $(BUILD_ASAN) --sanitizer address --meson unit,contract,component,fuzz-corpus
test-tsan: setup ## The same under ThreadSanitizer
	$(call configure,$(BUILD_TSAN),-Db_sanitize=thread -Db_lundef=false)
	@ninja -C $(BUILD_TSAN) -j $(JOBS) --quiet
	@$(RUN_TESTS) --build-dir $(BUILD_TSAN) --sanitizer thread --meson unit,contract,component,fuzz-corpus

test-deploy: setup build ## Images, Compose, packages, several speech services, for real (root; needs Debian's mirror; long)
	@$(RUN_TESTS) --build-dir $(BUILD) --slow --pytest deploy/tests

test-neural: ## The neural engines, built and tested in a Debian root that has their libraries (root; Debian's mirror; minutes)
	@$(PYTHON) scripts/neural_root.py test

##-- One service alone (each builds and tests without the packages of the others)

.PHONY: media-build media-test media-test-unit media-test-integration media-test-coverage media-dev media-down media-logs media-ps
media-build: media-setup ## Build the media side alone
	$(call configure,$(BUILD_MEDIA),-Dservices=$(MEDIA_SERVICES))
	@ninja -C $(BUILD_MEDIA) -j $(JOBS) --quiet
media-test: media-build ## All tests of media-service, media-worker and media-router
	@$(RUN_TESTS) --build-dir $(BUILD_MEDIA) --meson unit,contract,component,fuzz-corpus --pytest apps/media-router
media-test-unit: media-build ## Their unit tests
	@$(RUN_TESTS) --build-dir $(BUILD_MEDIA) --meson unit
media-test-integration: media-build ## Their integration tests
	@$(RUN_TESTS) --build-dir $(BUILD_MEDIA) --meson component --pytest apps/media-router
media-test-coverage: media-setup ## Their coverage
	$(call configure,$(BUILD_MEDIA)-coverage,-Db_coverage=true -Dbuildtype=debug -Dservices=$(MEDIA_SERVICES))
	@ninja -C $(BUILD_MEDIA)-coverage -j $(JOBS) --quiet
	@$(PYTHON) scripts/coverage.py --build-dir $(BUILD_MEDIA)-coverage
media-dev: build-for-stack ## Start router and media-service only
	@$(RUN_STACK) up --only media --build-dir $(BUILD)
media-down: ## Stop them
	@$(RUN_STACK) down --only media
media-logs: ## Follow their logs
	@$(RUN_STACK) logs --only media
media-ps: ## Show their processes
	@$(RUN_STACK) ps --only media

.PHONY: sts-build sts-test sts-test-unit sts-test-e2e sts-test-coverage sts-echo
sts-build: sts-setup ## Build sts-service alone
	$(call configure,$(BUILD_STS),-Dservices=sts-service)
	@ninja -C $(BUILD_STS) -j $(JOBS) --quiet
sts-test: sts-build ## All tests of sts-service
	@$(RUN_TESTS) --build-dir $(BUILD_STS) --meson unit,contract,component,fuzz-corpus --pytest apps/sts-service,libs/socketio
sts-test-unit: sts-build ## Its unit tests
	@$(RUN_TESTS) --build-dir $(BUILD_STS) --meson unit
sts-test-e2e: sts-build ## Its tests over real sockets
	@$(RUN_TESTS) --build-dir $(BUILD_STS) --meson component --pytest apps/sts-service,libs/socketio
sts-test-coverage: sts-setup ## Its coverage
	$(call configure,$(BUILD_STS)-coverage,-Db_coverage=true -Dbuildtype=debug -Dservices=sts-service)
	@ninja -C $(BUILD_STS)-coverage -j $(JOBS) --quiet
	@$(PYTHON) scripts/coverage.py --build-dir $(BUILD_STS)-coverage
sts-echo: ## Run sts-service in echo mode in the foreground
	@if [ "$$($(RUN_STACK) kind)" = docker ]; then STS_MODE=echo $(RUN_STACK) up --only sts; \
	else $(MAKE) --no-print-directory sts-build && $(BUILD_STS)/apps/sts-service/sts-service --mode echo; fi

##-- End to end

.PHONY: e2e-up e2e-down e2e-ps e2e-logs e2e-test e2e-test-full e2e-test-p1 e2e-test-p2 e2e-test-p3
e2e-up: dev ## Start the whole stack for tests by hand
e2e-down: down ## Stop it
e2e-ps: ps ## Show it
e2e-logs: logs ## Follow its logs
e2e-test: build ## End-to-end tests (MEDIA_ROUTER=mediamtx or external: against another router)
	@$(RUN_TESTS) --build-dir $(BUILD) --pytest tests/e2e -- $(PYTEST_FLAGS)
e2e-test-full: build ## End-to-end tests with the slow ones
	@$(RUN_TESTS) --build-dir $(BUILD) --pytest tests/e2e --slow -- $(PYTEST_FLAGS)
e2e-test-p1: build ## The full pipeline with real engines and with the echo service
	@$(RUN_TESTS) --build-dir $(BUILD) --pytest tests/e2e -- -m p1
e2e-test-p2: build ## Resilience
	@$(RUN_TESTS) --build-dir $(BUILD) --pytest tests/e2e -- -m p2
e2e-test-p3: build ## Reconnection
	@$(RUN_TESTS) --build-dir $(BUILD) --pytest tests/e2e -- -m p3

##-- Quality

C_FILES = $(shell git ls-files '*.c' '*.h')
.PHONY: fmt fmt-check lint typecheck bench sts-soak worker-soak fuzz
fmt: ## Format the C sources
	@clang-format -i $(C_FILES)
fmt-check: ## Fail when a C source is not formatted
	@clang-format --dry-run -Werror $(C_FILES)
lint: build ## clang-tidy, cppcheck, shellcheck, structure and dependency rules
	@$(PYTHON) scripts/lint.py --build-dir $(BUILD)
typecheck: ## Every compiler warning an error, and gcc's -fanalyzer
	$(call configure,$(BUILD_TYPECHECK),-Dwerror=true -Dbuildtype=debug -Dc_args=-fanalyzer)
	@ninja -C $(BUILD_TYPECHECK) -j $(JOBS) --quiet
	@echo "typecheck: clean"
bench: setup build ## The benchmarks, each beside its reference
	@$(PYTHON) bench/worker_cost.py --build-dir $(BUILD)
	@$(PYTHON) bench/worker_scale.py --build-dir $(BUILD) --streams 1,5 --seconds 20
	@$(PYTHON) bench/forwarder_cost.py --build-dir $(BUILD)
	@$(PYTHON) bench/router.py --build-dir $(BUILD) --quick
	@$(PYTHON) bench/speech_detection.py --build-dir $(BUILD) --quick
	@$(PYTHON) bench/sts_echo.py --build-dir $(BUILD)
	@$(PYTHON) bench/sts_pipeline.py --build-dir $(BUILD)
	@$(PYTHON) bench/sts_speech.py --quick --build-dir $(BUILD)
	@$(PYTHON) bench/control_plane.py --build-dir $(BUILD) --streams 200 --flap-seconds 10
sts-soak: setup build ## Memory of sts-service over 24 simulated hours of fragments (about 20 minutes)
	@$(PYTHON) bench/sts_soak.py --build-dir $(BUILD)
worker-soak: setup build ## One live stream in real time with a random fault every few seconds (SOAK_MINUTES, 20)
	@$(PYTHON) bench/worker_soak.py --build-dir $(BUILD) --minutes $(SOAK_MINUTES)
fuzz: setup ## Run each fuzz target for FUZZ_SECONDS (60)
	@[ -f $(BUILD_FUZZ)/build.ninja ] || CC=clang meson setup $(BUILD_FUZZ) -Dfuzz=true -Db_sanitize=address$(,)undefined -Db_lundef=false
	@ninja -C $(BUILD_FUZZ) -j $(JOBS) --quiet
	@$(PYTHON) scripts/fuzz.py --build-dir $(BUILD_FUZZ) --seconds $(FUZZ_SECONDS)
