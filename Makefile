# Rollcall. `make help` lists the targets. Everything needs Go alone; what else a target can use, it says when it is missing.

GO         ?= go
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS    := -s -w -X main.version=$(VERSION)
BIN        := bin/rollcall
FUZZTIME   ?= 30s
BENCHTIME  ?= 1s
BENCHCOUNT ?= 1
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# The race detector needs a C compiler, and compiling the vendors' SDKs under it takes far too long:
# it runs on the packages that reach neither of them.
SDKS := microsoftgraph/msgraph-sdk-go|okta/okta-sdk-golang

export CGO_ENABLED := 0
# One set of flags for every target, so that the Graph SDK is compiled once.
export GOFLAGS := $(GOFLAGS) -trimpath

.DEFAULT_GOAL := help
.PHONY: help build test race bench fuzz lint demo clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/rollcall, static, version stamped
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/rollcall

test: lint ## lint, every test, and the race detector where a C compiler is found
	$(GO) test -timeout 15m ./...
	@$(MAKE) --no-print-directory race

race: ## the race detector, on the packages that reach neither vendor SDK
	@if ! command -v cc >/dev/null 2>&1; then \
		echo "race: skipped, no C compiler (cc) found"; \
	else \
		packages=$$($(GO) list -test -f '{{.ImportPath}} {{join .Deps " "}}' ./... \
			| grep -E '^[^ ]+\.test ' | grep -vE '$(SDKS)' | sed 's/\.test .*//'); \
		CGO_ENABLED=1 $(GO) test -race -timeout 15m $$packages; \
	fi

bench: ## measure the receiver, the reconciler and the store, and print a table
	@$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) -count $(BENCHCOUNT) -timeout 60m ./... | awk ' \
		/^cpu:/       && !cpu++ { sub(/^cpu: /, ""); print "measured on: " $$0 } \
		/^pkg:/       { pkg = $$2 } \
		/^Benchmark/  { if (pkg != shown) { printf "\n%s\n", pkg; shown = pkg } \
		                sub(/^Benchmark/, "", $$1); sub(/-[0-9]+$$/, "", $$1); printf "  %-44s", $$1; \
		                for (i = 3; i < NF; i += 2) printf " %12s %-14s", $$i, $$(i+1); print ""; fflush() } \
		/^(---|FAIL|panic)/ { print; failed = 1 } \
		END           { exit failed }'

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

clean: ## remove what the targets made
	rm -rf bin dist coverage.out
