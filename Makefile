# The commands of this repository. CONTRIBUTING.md describes when to use them.

GO ?= go

# How long each fuzz target runs: a number of inputs such as 5000x, or a
# duration such as 5m. The default is a number, because Go before 1.27 sometimes
# fails a target at the end of a duration (go.dev/issue/75804). The nightly run
# takes 200,000 inputs.
FUZZTIME ?= 5000x

# Which benchmarks run, and in how many rounds. With rounds, other load on the
# machine affects all implementations alike.
BENCH ?= .
COUNT ?= 6

# How long `make crash` keeps killing processes of each kind.
CRASHTIME ?= 2m

# The lowest accepted statement coverage, in percent, of the packages that users
# import and of the diff engine.
COVERAGE ?= 90

MODULE := github.com/opendeed/audit

# The directories of all modules of go.work except the root.
LEAVES = $(patsubst $(MODULE)/%,%,$(filter $(MODULE)/%,$(shell $(GO) list -m)))

# The leaves that are released with a version; see VERSIONING.md. Nobody depends
# on the others.
RELEASED = $(filter-out examples examples/% test test/%,$(LEAVES))
UNRELEASED = $(filter-out $(RELEASED),$(LEAVES))

# The servers of the tests, which are built outside the workspace.
SERVERS = test/servers/collector test/servers/ferretdb test/servers/s3 test/servers/witness

# The tools are pinned in a module of their own, outside the workspace, so that
# their dependencies never influence the versions of ours.
TOOL = GOWORK=off $(GO) tool -modfile="$(CURDIR)/tools/go.mod"

# The targets share bin and the processors, and ci records the tree first and
# checks it last.
.NOTPARALLEL:

# EACH runs a command for each line of its input, as many at once as there are processors.
EACH = xargs -P "$$(getconf _NPROCESSORS_ONLN)" -I {} sh -c

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# With -trimpath the build cache recognizes packages despite the new directory of a clone:
# without it, a clone compiles every package of ours again for each round. Then it would
# recognize test results too, although it does not know the servers and programs that tests
# start, so -count=1 runs every test.
.PHONY: ci
ci: export GOFLAGS := $(shell $(GO) env GOFLAGS) -trimpath -count=1
ci: record-tree lint test cover demo demo-mongodb demo-admin demo-deploy fuzz release-dry-run ## Run everything that must pass before a change is merged
	@sh scripts/clean-tree.sh check bin/tree

.PHONY: record-tree
record-tree:
	@sh scripts/clean-tree.sh record bin/tree

.PHONY: download
download: ## Download the dependencies of every module and of the tools
	@for m in . $(LEAVES) $(SERVERS) tools; do \
		GOWORK=off $(GO) -C $$m mod download || exit 1; \
	done

.PHONY: fmt
fmt: ## Format every Go file
	@$(TOOL) gofumpt -l -w .

# In the workspace, go mod download writes every checksum that other go commands
# would add to go.work.sum later.
.PHONY: tidy
tidy: ## Tidy every go.mod and complete go.work.sum
	@for m in . $(LEAVES) $(SERVERS) tools; do \
		GOWORK=off $(GO) -C $$m mod tidy || exit 1; \
	done
	@$(GO) mod download

.PHONY: lint
lint: lint-fmt lint-tidy lint-vet lint-audit lint-code ## Check format, go.mod files, builds for other systems and the linters' rules

.PHONY: lint-fmt
lint-fmt:
	@$(TOOL) gofumpt -d .

.PHONY: lint-tidy
lint-tidy:
	@printf '%s\n' . $(LEAVES) $(SERVERS) tools | $(EACH) 'GOWORK=off $(GO) -C {} mod tidy -diff'

# Vet type-checks every package and test, which finds build errors on systems
# where the tests don't run.
.PHONY: lint-vet
lint-vet:
	@for os in linux windows darwin; do \
		GOOS=$$os $(GO) vet work || exit 1; \
	done

# Our own vet tool finds nothing in our own code.
.PHONY: lint-audit
lint-audit:
	@$(GO) build -C cmd/auditvet -o "$(CURDIR)/bin/auditvet" .
	@$(GO) vet -vettool="$(CURDIR)/bin/auditvet" work

# One run over the workspace: what the modules share is loaded and checked once. go tool -n
# builds the linter and prints its path.
.PHONY: lint-code
lint-code:
	@linter=$$($(TOOL) -n golangci-lint) && "$$linter" run --allow-parallel-runners ./... $(LEAVES:%=./%/...)

# The second round tests what a user of one module gets: the workspace hides a
# wrong version in a leaf's go.mod, and uses the newest version that any of its
# modules requires. Vet type-checks every package and test against the leaf's own
# versions, go test with -vet=all those without tests too. The tests run against them only
# in released modules: nobody depends on examples and test, and their tests build servers,
# which takes minutes.
#
# A process with the race detector sleeps a second before it exits, by default, and the
# tests start hundreds of processes.
.PHONY: test
test: ## Run every test of every module with the race detector, then check each leaf outside the workspace
	@GORACE=atexit_sleep_ms=10 $(GO) test -race work
	@printf '%s\n' $(UNRELEASED) | $(EACH) 'GOWORK=off $(GO) -C {} vet ./...'
	@printf '%s\n' $(RELEASED) | $(EACH) 'GOWORK=off $(GO) -C {} test -short -vet=all ./...'

# This is also the only run of the root's tests without the race detector. The
# tests of allocations need that: they are not built with it.
.PHONY: cover
cover: ## Print the statement coverage of audit, the diff engine and sdk; fail under COVERAGE percent
	@GO="$(GO)" sh scripts/cover.sh $(COVERAGE) $(MODULE) $(MODULE)/internal/diff $(MODULE)/internal/values $(MODULE)/sdk

.PHONY: crash
crash: ## Kill processes at random, for CRASHTIME each, and check what is on disk
	@cd test && AUDIT_CRASH_TIME=$(CRASHTIME) $(GO) test -v -count 1 -timeout 0 ./crash

.PHONY: seal
seal: ## Edit a sealed log at every position, and crash one 10,000 times
	@OPENDEED_ADVERSARY_STEP=1 $(GO) test -v -count 1 -timeout 0 -run '^(TestAdversary|TestCopy)$$' ./seal ./archive/custody
	@OPENDEED_SEAL_CRASHES=5000 $(GO) test -v -count 1 -timeout 0 -run '^TestSealedCrashes$$' ./sdk/ledger

.PHONY: demo
demo: ## Run the quickstart and drive it with real HTTP requests
	@$(GO) run ./examples/quickstart/demo -screenshot bin/demo.png

.PHONY: demo-serve
demo-serve: ## The same, and keep the trail in a browser until it is interrupted
	@$(GO) run ./examples/quickstart/demo -serve -screenshot bin/demo.png

.PHONY: demo-mongodb
demo-mongodb: ## Run the example on MongoDB and drive it: with MONGODB_URI, or a server that it builds
	@[ -n "$$MONGODB_URI" ] || GOWORK=off $(GO) build -C test/servers/ferretdb -o "$(CURDIR)/bin/ferretdb" .
	@$(GO) run ./examples/echo-mongodb/demo "$(CURDIR)/bin/ferretdb"

.PHONY: demo-admin
demo-admin: ## Run the example with an API, an admin panel and a job queue, and drive it
	@$(GO) run ./examples/admin/demo

.PHONY: demo-deploy
demo-deploy: ## Run the example in three deployments, with a collector and a database that it builds
	@GOWORK=off $(GO) build -C test/servers/ferretdb -o "$(CURDIR)/bin/ferretdb" .
	@GOWORK=off $(GO) build -C test/servers/collector -o "$(CURDIR)/bin/collector" .
	@$(GO) run ./examples/deploy/demo "$(CURDIR)/bin/collector" "$(CURDIR)/bin/ferretdb"

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME
	@GO="$(GO)" sh scripts/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: ## Run the benchmarks that match BENCH, COUNT times each, and compare the implementations
	@mkdir -p bin && rm -f bin/bench.txt
	@for _ in $$(seq $(COUNT)); do \
		$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./test/bench >> bin/bench.txt || { cat bin/bench.txt; exit 1; }; \
	done
	@$(TOOL) benchstat -table .name -col /impl bin/bench.txt

.PHONY: release
release: ## Prepare the release VERSION, and print the commands that commit, tag and push it
	@GO="$(GO)" sh scripts/release.sh $(VERSION) -- $(RELEASED) -- $(UNRELEASED)

.PHONY: release-dry-run
release-dry-run: ## Prepare a release in a copy of the tree, and build every module as a user would
	@GO="$(GO)" sh scripts/release.sh --dry-run $(VERSION) -- $(RELEASED) -- $(UNRELEASED)

# The version is that of a release, or what Git says of the tree.
.PHONY: dist
dist: ## Build deed for every system into bin/dist, with checksums, SBOMs, manual pages and completions
	@$(GO) run ./cmd/deed/internal/dist -version "$(or $(VERSION),$(shell git describe --tags --always --dirty 2>/dev/null || echo v0.0.0-dev))" -out bin/dist
	@ls bin/dist

.PHONY: clean
clean: ## Remove the files that the other targets wrote
	@rm -rf bin
