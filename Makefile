# make run     build a release and start it with config.yaml (with a demo gateway while none is configured)
# make build   build a release
# make test    build everything and run every test
# make lint    check the layout of the Swift files, and that Package.swift gives each target what it imports
# make format  mend the layout of the Swift files
# make bench   measure a release build against others (see docs/performance.md)
# make bench-stages   measure the engine, conditions, and thinking-strip on texts that are made to be slow
# make bench-analytics   measure how long questions about a million messages take
# make soak    let twenty of fifty gateways of a running server flap for three minutes (see docs/performance.md)

SWIFT ?= swift
SWIFT_FILES = Package.swift Sources Tests Plugins Benchmarks

# Tests that start programs have a process of their own: Foundation's Process reads beyond its buffer and may crash where
# more than a thousand files are open, as they are when all tests run side by side.
PROGRAM_TESTS = EndToEndTests|PluginLibrariesTests

.PHONY: run build test lint format bench bench-stages bench-analytics soak deps

run: build
	.build/release/sluice serve --config config.yaml --demo

build: deps
	$(SWIFT) build -c release --product sluice

test: deps
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --parallel --skip '$(PROGRAM_TESTS)'
	$(SWIFT) test --skip-build --parallel --filter '$(PROGRAM_TESTS)'
	Tests/MetricsTests/run
	Tests/WebhookDeliveryTests/run
	Tests/BrowserTests/run
	Tests/SchemaTests/run

lint:
	.ci/check-imports
	$(SWIFT) format lint --strict --recursive --parallel $(SWIFT_FILES)

format:
	$(SWIFT) format --in-place --recursive --parallel $(SWIFT_FILES)

bench: build
	Benchmarks/run

bench-stages:
	$(SWIFT) run -c release StageBenchmarks

bench-analytics:
	$(SWIFT) run -c release AnalyticsBenchmarks

soak: build
	$(SWIFT) build -c release --product GatewaySoak
	.build/release/GatewaySoak .build/release/sluice

# The C libraries that Sluice is built on; installed where the system is Debian's and they are missing.
deps:
	@./.ci/install-dependencies
