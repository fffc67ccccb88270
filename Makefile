# slips-ips. The two commands of a newcomer: make run, make test.
# Both install what they need with apt-get when they run as root on Debian.

GO        ?= go
LINT_VERSION := v2.15.0
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BINARY    := bin/slips-ips
BUILDFLAGS := -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
FUZZTIME  ?= 30s
BENCHTIME ?= 1s

# Reference data stands beside the checkout where there is any.
REFERENCE := $(wildcard $(abspath ..)/shared)
ifneq ($(REFERENCE),)
export SLIPS_REFERENCE ?= $(REFERENCE)
endif

.DEFAULT_GOAL := help

## help: this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | sort | sed 's/: /\t/' | expand -t 14

## build: build bin/slips-ips
build:
	$(GO) build $(BUILDFLAGS) -o $(BINARY) ./cmd/slips-ips

## run: install what is missing, build, and watch the default interface (dry-run: nothing is blocked)
run: tools-run build
	./$(BINARY) run --tuples all $(ARGS)

## demo: client, router and server in network namespaces: a beacon is found and blocked, the rest passes
demo: tools-demo build
	$(GO) run ./internal/demo -binary $(BINARY) $(ARGS)

## screenshots: the pictures of docs/images, made of the demo's traffic
screenshots: tools-demo tools-browser build
	@mkdir -p bin
	$(GO) build -o bin/screenshots ./internal/screenshots
	$(GO) run ./internal/demo -binary $(BINARY) -look "./bin/screenshots -dir docs/images"

## test: install what the tests need and run all of them, with the race detector
test: tools-test tools-browser build cross
	$(GO) vet ./...
	$(GO) test -race -count=1 -timeout 20m ./...
	@if [ -n "$$SLIPS_REFERENCE" ]; then echo "the original's results, compared flow by flow:"; \
		python3 "$$SLIPS_REFERENCE/oracle/compare.py" ./$(BINARY); \
	else echo "no reference data: compare.py was not run"; \
		[ "$$SLIPS_REQUIRE_ALL" != 1 ]; fi

## cross: build what must build elsewhere (macOS reads, detects and alerts; arm64 does all)
cross:
	GOOS=darwin GOARCH=arm64 $(GO) build -o /dev/null ./cmd/slips-ips
	GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./cmd/slips-ips

## check: formatting, vet and the linters, the import arrows among them
check: bin/golangci-lint
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	./bin/golangci-lint run ./...
	@$(GO) mod tidy -diff >/dev/null || { echo "go.mod is not tidy: run go mod tidy"; exit 1; }

bin/golangci-lint: Makefile
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@touch $@

## eval: the tables of docs/detection.md, from the labelled captures beside the checkout
eval: build
	@test -d "$$SLIPS_REFERENCE/data" || { echo "no reference data: set SLIPS_REFERENCE"; exit 1; }
	@./$(BINARY) models eval "$$SLIPS_REFERENCE/data" \
		--letters "$$SLIPS_REFERENCE/data/stf-labelled-letters/labelled_letters.tsv" \
		--reference "$$SLIPS_REFERENCE/models-original/0.3.3" $(ARGS)

## fuzz: every fuzz target for FUZZTIME (30s)
fuzz:
	@for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$p || exit 1; \
		done; done

## bench: the benchmarks of the hot paths, allocations shown (BENCHTIME=1s), then bench-ra and bench-latency
bench: tools-test
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...
	$(MAKE) --no-print-directory bench-ra bench-latency

## bench-ra: how many times as fast as ra we read two million flows (ARGS=-json, ARGS="-flows N -rounds N")
bench-ra: tools-run
	@mkdir -p bin
	$(GO) build -trimpath -o bin/flowbench ./internal/flowbench
	./bin/flowbench $(ARGS)

## bench-latency: how long after the end of a connection it is detected, on three feeds side by side
bench-latency: tools-demo build
	$(GO) run ./internal/latency -binary $(BINARY) $(ARGS)

## soak: the agent under load for half an hour, all reports on (ARGS=-disturb: disturbed in turn; ARGS="-for 2m -json")
soak: tools-run build
	$(GO) build -trimpath -o bin/flowbench ./internal/flowbench
	$(GO) build -trimpath -o bin/soak ./internal/soak
	./bin/soak -binary $(BINARY) -argus "$$(./bin/flowbench -record -flows 300000)" $(ARGS)

## trial-systemd: the shipped unit under a real systemd, in namespaces of its own; nothing of the machine changes
trial-systemd: tools-test build
	./packaging/systemd/trial ./$(BINARY)

# Each line: what must be there, and the package that brings it.
tools-run:
	@./packaging/need argus:argus-server nft:nftables ip:iproute2
tools-demo:
	@./packaging/need argus:argus-server ra:argus-client nft:nftables ip:iproute2
tools-test:
	@./packaging/need argus:argus-server ra:argus-client nft:nftables ip:iproute2 ping:iputils-ping gcc:build-essential python3:python3 ps:procps \
		sqlite3:sqlite3 systemd-analyze:systemd journalctl:systemd rsyslogd:rsyslog dbus-daemon:dbus-daemon logrotate:logrotate jq:jq fever:fever dhclient:isc-dhcp-client dnsmasq:dnsmasq-base dropbear:dropbear-bin openssl:openssl
	@./packaging/need-unpacked bin/unpacked chronyd:chrony
	@./packaging/need-promtool bin/promtool
# What tests press the buttons of the web page with; SLIPS_AXE=axe.min.js adds axe-core.
tools-browser:
	@./packaging/need chromium-headless-shell:chromium-headless-shell

clean:
	rm -rf bin dist

.PHONY: help build run demo screenshots tools-browser test cross check fuzz bench bench-ra bench-latency soak trial-systemd eval tools-run tools-demo tools-test clean
