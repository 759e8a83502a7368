# Rollcall. `make help` lists the targets. Everything needs Go alone; what else a target can use, it says when it is missing.

GO         ?= go
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS    := -s -w -X main.version=$(VERSION)
BIN        := bin/rollcall
FUZZTIME   ?= 30s
BENCHTIME  ?= 1s
BENCHCOUNT ?= 3
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# The race detector needs a C compiler, and compiling the vendors' SDKs under it takes far too long:
# it runs on the packages that reach neither of them.
SDKS := microsoftgraph/msgraph-sdk-go|okta/okta-sdk-golang

export CGO_ENABLED := 0
# One set of flags for every target, so that the Graph SDK is compiled once.
export GOFLAGS := $(GOFLAGS) -trimpath

.DEFAULT_GOAL := help
.PHONY: help build test race browser bench fuzz lint demo screenshots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/rollcall, static, version stamped
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/rollcall

test: lint browser ## lint, every test, the console in a browser, and the race detector where a C compiler is found
	$(GO) test -timeout 15m ./...
	@$(MAKE) --no-print-directory race

browser: ## install Debian's chromium for the tests of the console, where that is missing and permitted
	@for name in chromium chromium-browser google-chrome chrome; do \
		if command -v $$name >/dev/null 2>&1; then exit 0; fi; \
	done; \
	if ! command -v apt-get >/dev/null 2>&1 || [ "$$(id -u)" != 0 ]; then \
		echo "browser: none found, and it cannot be installed here (that takes root and apt-get): the console's pages are not driven"; \
	else \
		echo "browser: installing chromium"; \
		log=$$(mktemp); \
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } >$$log 2>&1 \
			|| { tail -5 $$log; echo "browser: could not be installed: the console's pages are not driven"; }; \
		rm -f $$log; \
	fi

race: ## the race detector, on the packages that reach neither vendor SDK
	@if ! command -v cc >/dev/null 2>&1; then \
		echo "race: skipped, no C compiler (cc) found"; \
	else \
		packages=$$($(GO) list -test -f '{{.ImportPath}} {{join .Deps " "}}' ./... \
			| grep -E '^[^ ]+\.test ' | grep -vE '$(SDKS)' | sed 's/\.test .*//'); \
		CGO_ENABLED=1 $(GO) test -race -timeout 15m $$packages; \
	fi

bench: ## measure receiver, reconciler and store beside their limits and the disk's fsyncs: medians of BENCHCOUNT (default 3)
	@$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) -count $(BENCHCOUNT) -timeout 120m ./... | awk ' \
		function median(i,  a, b, t) { \
			for (a = 1; a <= n; a++) for (b = a + 1; b <= n; b++) \
				if (value[b, i] + 0 < value[a, i] + 0) { t = value[a, i]; value[a, i] = value[b, i]; value[b, i] = t } \
			return value[int((n + 1) / 2), i] } \
		function tell(  i) { \
			if (!n) return; \
			sub(/^Benchmark/, "", name); sub(/-[0-9]+$$/, "", name); printf "  %-44s", name; \
			for (i = 3; i < columns; i += 2) printf " %12s %-14s", median(i), unit[i]; print ""; fflush(); n = 0 } \
		/^cpu:/       && !cpu++ { sub(/^cpu: /, ""); print "measured on: " $$0 } \
		/^pkg:/       { tell(); printf "\n%s\n", $$2 } \
		/^Benchmark/ && NF > 2  { if ($$1 != name) { tell(); name = $$1 } \
		                n++; columns = NF; for (i = 3; i < NF; i += 2) { value[n, i] = $$i; unit[i] = $$(i+1) } } \
		/^(---|FAIL|panic)/ { print; failed = 1 } \
		END           { tell(); exit failed }'

fuzz: ## run every fuzz target for FUZZTIME each (default 30s)
	@for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "fuzz: $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

lint: ## check formatting, vet and staticcheck
	@unformatted=$$(gofmt -l cmd connectors scimapi state sync); \
	if [ -n "$$unformatted" ]; then echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

demo: build ## the whole story on simulated identity providers, no account needed
	@$(BIN) demo $(DEMOFLAGS)

screenshots: browser ## take the README's pictures of the console, from the demo
	ROLLCALL_PICTURES=$(CURDIR)/docs/screenshots $(GO) test -count 1 -run '^TestPictures$$' ./cmd/rollcall

clean: ## remove what the targets made
	rm -rf bin dist coverage.out
