# slips-ips. The two commands of a newcomer: make run, make test.
# Both install what they need with apt-get when they run as root on Debian.

GO        ?= go
LINT_VERSION := v2.15.0
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BINARY    := bin/slips-ips
BUILDFLAGS = -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
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

## test: install what the tests need and run all of them, with the race detector; build the package
test: tools-test tools-browser build cross deb
	$(GO) vet ./...
	$(GO) test -race -count=1 -timeout 20m ./...
	$(MAKE) --no-print-directory faults
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

## bench: the benchmarks of the hot paths, allocations shown (BENCHTIME=1s), then bench-ra, bench-goals and bench-latency
bench: tools-test
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...
	$(MAKE) --no-print-directory bench-ra bench-goals bench-latency

## bench-goals: each goal of speed and size beside its figure (as root; ARGS="-only memory", ARGS=-json)
bench-goals: tools-run build flowbench-files
	$(GO) build -trimpath -o bin/soak ./internal/soak
	./bin/goals $(GOALS) -binary $(BINARY) -soak bin/soak $(ARGS)

## curves: draw the curves of docs/performance.md anew
curves: tools-run flowbench-files
	./bin/goals $(GOALS) -svg docs $(ARGS)

## profile: where detection spends its time: bin/STAGE.prof (STAGE=once, reference, joined, office, tuples:N)
profile: tools-run flowbench-files
	GOMAXPROCS=1 ./bin/goals $(GOALS) -stage $(STAGE) -cpuprofile bin/$(STAGE).prof
	$(GO) tool pprof -top -cum -nodecount 50 bin/goals bin/$(STAGE).prof

STAGE ?= once
# Expanded when the files are there.
GOALS = -office "$$(./bin/flowbench -record)" -once "$$(./bin/flowbench -record -mix once)" \
	$(if $(SLIPS_REFERENCE),-models "$(SLIPS_REFERENCE)/models-original/0.3.3")

flowbench-files:
	@mkdir -p bin
	$(GO) build -trimpath -o bin/flowbench ./internal/flowbench
	$(GO) build -trimpath -o bin/goals ./internal/goals
	@./bin/flowbench -record >/dev/null && ./bin/flowbench -record -mix once >/dev/null

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

## faults: 200 agents killed at random while others flush, delete and replace our table; ROUNDS=200
ROUNDS ?= 200
faults: tools-test
	SLIPS_FAULT_ROUNDS=$(ROUNDS) $(GO) test -v -count=1 -timeout 20m -run '^TestFaults$$' ./enforce

## test-kernel: the tests of enforce on Debian's own kernel, emulated (TESTS=regexp, KERNEL=linux-image.deb)
TESTS ?= .
test-kernel: tools-kernel
	./internal/otherkernel/run '$(TESTS)' $(KERNEL)

## screenshots-top: the pictures of slips-ips top in docs/, from the demonstration's traffic
screenshots-top: VERSION := demo
screenshots-top: tools-demo build
	@./packaging/need tmux:tmux
	$(GO) build -trimpath -o bin/topshot ./internal/topshot
	$(GO) run ./internal/demo -binary $(BINARY) -look "./bin/topshot -binary $(BINARY)"

## screenshots-web: the pictures of the web page in docs/images, from the demonstration's traffic
screenshots-web: tools-demo tools-browser build
	$(GO) build -trimpath -o bin/screenshots ./internal/screenshots
	$(GO) run ./internal/demo -binary $(BINARY) -look "./bin/screenshots -dir docs/images"

## screenshots: all pictures
screenshots: screenshots-top screenshots-web

## deb: the Debian packages, into dist/ (DEBARCH=arm64; MODELS_KEY=private.pem signs the models), checked by lintian
DEBARCH ?= $(shell dpkg --print-architecture 2>/dev/null)
deb: tools-deb
	@rm -rf dist/$(DEBARCH)
	MODELS_KEY="$(MODELS_KEY)" ./packaging/deb/build dist/$(DEBARCH) $(DEBARCH)
	lintian --allow-root --fail-on error,warning dist/$(DEBARCH)/*.deb
	@ls -l dist/$(DEBARCH)/*.deb

## package-test: the package in a booted Debian: install, block, upgrade, reboot, remove, purge (SUITE=trixie for Debian 13)
SUITE ?= bookworm
package-test: tools-package
	./packaging/deb/package-test $(SUITE)

# Each line: what must be there, and the package that brings it.
tools-run:
	@./packaging/need argus:argus-server nft:nftables ip:iproute2
tools-demo:
	@./packaging/need argus:argus-server ra:argus-client nft:nftables ip:iproute2
tools-test:
	@./packaging/need argus:argus-server ra:argus-client nft:nftables ip:iproute2 ping:iputils-ping gcc:build-essential python3:python3 ps:procps \
		sqlite3:sqlite3 systemd-analyze:systemd journalctl:systemd rsyslogd:rsyslog dbus-daemon:dbus-daemon logrotate:logrotate jq:jq fever:fever dhclient:isc-dhcp-client dnsmasq:dnsmasq-base dropbear:dropbear-bin openssl:openssl tmux:tmux
	@./packaging/need-unpacked bin/unpacked chronyd:chrony ntpd:ntpsec firewalld:firewalld ufw:ufw
	@./packaging/need-promtool bin/promtool
tools-deb:
	@./packaging/need dh:debhelper dh_apparmor:dh-apparmor lintian:lintian openssl:openssl
tools-package: tools-deb
	@./packaging/need debootstrap:debootstrap systemd-nspawn:systemd-container

tools-kernel: tools-test
	@./packaging/need qemu-system-x86_64:qemu-system-x86 cpio:cpio busybox:busybox-static xz:xz-utils

# What tests press the buttons of the web page with; SLIPS_AXE=axe.min.js adds axe-core.
tools-browser:
	@./packaging/need chromium-headless-shell:chromium-headless-shell

clean:
	rm -rf bin dist

.PHONY: help build run demo test cross check fuzz bench bench-ra bench-goals curves profile flowbench-files bench-latency soak faults test-kernel deb package-test screenshots screenshots-top screenshots-web tools-browser eval tools-run tools-demo tools-test tools-deb tools-package tools-kernel clean
