# The same targets serve people and .ci/run. Only Go is needed (and a C compiler
# for race).

FUZZTIME  ?= 30s
BENCHTIME ?= 1s
COUNT     ?= 1
TESTFLAGS ?=

# How long the tests of one package may take: a busy machine is no failure.
TESTTIME ?= 30m

# The agents that test-agents runs; empty: all it knows. They are installed below
# ETCH_AGENTS_DIR, by default in the user's cache.
AGENTS ?=

# Where the query comparison keeps its data, and DuckDB; empty: the user's cache.
ASKDIR ?=
SUDO   ?=

# Installs packages of Debian: of the lists that are there, else of new ones.
DEBIAN := SUDO="$(SUDO)" .ci/debian

GO   ?= go
TOOL := $(GO) tool -modfile=tools.mod

# Directories with a go.mod of their own. Their tests need nothing else than Go;
# where one does, it has no place here.
NESTED := $(patsubst %/go.mod,%,$(wildcard */go.mod */*/go.mod))

SYSTEMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.DEFAULT_GOAL := help
.PHONY: help test test-agents test-mcp tools race fuzz bench peers lint cross tidy invariants gofumpt vet fix staticcheck errcheck deadcode

## help: this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## test: every test, of the nested modules too; TESTFLAGS=-v and the like
test:
	$(GO) test -timeout $(TESTTIME) $(TESTFLAGS) ./...
	@set -e; for dir in $(NESTED); do (set -x; cd $$dir && $(GO) test -timeout $(TESTTIME) $(TESTFLAGS) ./...); done

## test-agents: real agents from the npm registry, with the hooks of etch install, on scripted models; AGENTS="claude-code codex", all by default
test-agents:
	cd integration && ETCH_TEST_AGENTS="$(AGENTS)" $(GO) test -tags agents -count 1 -timeout 20m $(TESTFLAGS) ./agents

## test-mcp: etch mcp between the protocol's own SDK and its reference servers from the npm registry
test-mcp:
	cd integration/mcp && $(GO) test -tags mcp -count 1 -timeout 10m $(TESTFLAGS) .

## race: the shorter tests under the race detector
# A program with the detector sleeps for a second before it ends, if nobody says
# otherwise; tests that start hundreds of programs do nothing else then.
race:
	GORACE=atexit_sleep_ms=0 $(GO) test -race -short -timeout $(TESTTIME) $(TESTFLAGS) ./...

## fuzz: every fuzz target of the tree for FUZZTIME (30s) each
fuzz:
	@set -e; list=$$($(GO) test -list '^Fuzz' ./...); \
	pairs=$$(echo "$$list" | awk '/^Fuzz/ { names[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, names[i]; n = 0 }'); \
	if [ -z "$$pairs" ]; then echo "no fuzz target found"; exit 1; fi; \
	echo "$$pairs" | while read -r package target; do \
		(set -x; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null) || exit 1; \
	done

## bench: the benchmarks, and the comparisons of bench/; BENCHTIME (1s), COUNT (1)
bench:
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -count $(COUNT) ./...
	@set -e; for dir in $(NESTED); do (set -x; cd $$dir && $(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -count $(COUNT) ./...); done

## tools: what some tests need besides Go, of Debian's packages (SUDO=sudo): strace, which makes a disk slow, and jq, which answers the same questions
tools:
	command -v strace || $(DEBIAN) strace
	command -v jq || $(DEBIAN) jq

## peers: what bench/cmd/ask compares with: Debian's packages (SUDO=sudo), DuckDB by npm (ASKDIR)
peers:
	command -v rg && command -v mawk && command -v jq && command -v sqlite3 || $(DEBIAN) ripgrep mawk jq sqlite3
	command -v npm || $(DEBIAN) nodejs npm
	cd bench && $(GO) run ./cmd/ask -install -dir "$(abspath $(ASKDIR))"

## lint: formatting, vet for three systems, modern Go, staticcheck, errcheck, unreachable functions
lint: gofumpt vet fix staticcheck errcheck deadcode

gofumpt:
	@unformatted=$$($(TOOL) gofumpt -l .) && if [ -n "$$unformatted" ]; then echo "not formatted by gofumpt:"; echo "$$unformatted"; exit 1; fi

vet:
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	$(GO) vet -tags etch_broken ./internal/broken
	$(GO) vet -tags purego ./internal/processor ./internal/lanes ./internal/needle
	@set -e; for dir in $(NESTED); do (set -x; cd $$dir && $(GO) vet ./...); done
	cd integration && $(GO) vet -tags agents ./...
	cd integration/mcp && $(GO) vet -tags mcp ./...
	cd integration/otel && $(GO) vet -tags agents ./...

fix:
	$(GO) fix -diff ./...

# The tools run on this system whatever system the code is for.
staticcheck:
	$(TOOL) staticcheck ./...
	staticcheck=$$($(TOOL) -n staticcheck) && GOOS=windows $$staticcheck ./...

errcheck:
	$(TOOL) errcheck ./...

deadcode:
	@dead=$$($(TOOL) deadcode -test ./...) && if [ -n "$$dead" ]; then echo "never reached:"; echo "$$dead"; exit 1; fi

## cross: builds for linux, darwin and windows on amd64 and arm64
cross:
	@set -e; for system in $(SYSTEMS); do \
		(export GOOS=$${system%/*} GOARCH=$${system#*/} CGO_ENABLED=0; set -x; $(GO) build ./...); \
	done

## tidy: says where a go.mod lists too much or too little, or a module is not what go.sum says
tidy:
	$(GO) mod tidy -diff
	$(GO) mod verify
	$(GO) mod verify -modfile=tools.mod
	@set -e; for dir in $(NESTED); do (set -x; cd $$dir && $(GO) mod tidy -diff && $(GO) mod verify); done

## invariants: each promise's test passes, and fails once its check is broken
invariants:
	$(GO) run ./internal/invariants
