# Everything a person does here: make demo, make test. The rest is parts of them.

TAGS := netgo,duckdb_arrow
export GOFLAGS := -buildvcs=false -tags=$(TAGS)
export CGO_ENABLED := 1

.PHONY: all build demo serve test test-real test-schemathesis test-clients check unit e2e bench bench-generate chaos attack fuzz crash report-connector fmt clean help prepare

all: build

help: ## what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | column -t -s '	'

build: ## the one binary: bin/millwright
	go build -o bin/millwright ./cmd/millwright

demo: build ## connect a sample API and show what comes of it; leaves the server running
	./bin/millwright demo $(ARGS)

serve: build ## run the server on 127.0.0.1:7400
	./bin/millwright serve $(ARGS)

test: prepare build check unit ## everything: build, vet, staticcheck, race tests, end to end, real servers
	@echo
	@if [ -s .cache/skipped ]; then echo "Skipped, because it could not be installed:"; cat .cache/skipped; else echo "Nothing was skipped for want of a tool."; fi

test-real: prepare build ## more real servers: stripe-mock, etcd, InfluxDB, a registry of images, RabbitMQ, OAuth
	@bash .ci/prepare-real
	MILLWRIGHT_REAL=1 go test -count=1 -run '^TestReal' -v -timeout 9m ./internal/e2e/...
	@echo
	@if [ -s .cache/skipped-real ]; then echo "Skipped, because it could not be installed:"; cat .cache/skipped-real; else echo "Nothing was skipped for want of a server."; fi

test-clients: prepare build ## existing clients, unmodified: the official Python package and nf, the guide's curl, the TypeScript quickstart on the wire
	go test -count=1 -run '^TestClients' -v -timeout 15m ./internal/e2e/...
	@echo
	@if grep -s infactory .cache/skipped; then :; else echo "No client was skipped."; fi

test-schemathesis: prepare build ## Schemathesis against the server for ten minutes, seeds 1, 2, …; the short form is in make test
	MILLWRIGHT_SCHEMATHESIS=10m go test -count=1 -run '^TestSchemathesis$$' -v -timeout 30m ./internal/e2e

prepare: ## install what the tests use besides Go: real servers, independent readers
	@bash .ci/prepare

check: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l cmd internal)" || { echo "gofmt these:"; gofmt -l cmd internal; exit 1; }
	go vet ./...
	go tool staticcheck ./...

unit: ## all Go tests with the race detector, the end-to-end flow among them
	go test -race -shuffle=on -timeout 40m ./...

e2e: build prepare ## only the end-to-end flow and the real servers
	go test -count=1 -v -timeout 20m ./internal/e2e/...

bench: build ## measure: connector against download, scan, convert, query, demo; both sides of a comparison in one run
	MILLWRIGHT_BENCH=1 go test -count=1 -timeout 60m -v ./internal/bench | grep -v '^=== \|^--- \|^PASS\|^ok'
	go test -run '^$$' -bench . -benchtime 1x -count 5 -timeout 60m ./internal/...

attack: build ## every hostile statement through every way to run SQL, with canaries; the long form of what make test does
	MILLWRIGHT_ATTACK=long go test -count=1 -run '^TestAttacks' -v -timeout 60m ./internal/e2e/

FUZZTIME ?= 85s

fuzz: ## ten minutes of fuzzing: the checker of statements, the binding of slots, the quoting of names
	@set -e; for target in program:FuzzTokens program:FuzzBind program:FuzzQuoting program:FuzzExpression program:FuzzOutline engine/duckdb:FuzzStatement engine/duckdb:FuzzCrossing; do \
		echo "$$target"; go test -run '^$$' -fuzz "^$${target#*:}$$" -fuzztime $(FUZZTIME) -parallel 2 ./internal/$${target%:*} | tail -n 3; done

bench-generate: prepare ## measure what is generated: on tables of others, against labels and questions; prints the table of figures
	MILLWRIGHT_BENCH_GENERATE=1 go test -count=1 -timeout 60m -run '^TestGenerate$$' ./internal/benchgen -v

crash: build ## kill -9 at 200 random moments of runs and of 50 of SQL workers; prints what was lost (nothing)
	MILLWRIGHT_CRASH_KILLS=200 MILLWRIGHT_CRASH_WORKERS=50 go test -count=1 -run '^TestCrash' -v -timeout 60m ./internal/e2e

report-connector: ## the connector against a source that misbehaves, gigabytes included, as tables
	@rm -rf .cache/report && mkdir -p .cache/report
	@MILLWRIGHT_EVIL_HEAVY=1 MILLWRIGHT_REPORT=$(CURDIR)/.cache/report go test -count=1 -timeout 60m ./internal/httpsource/evil ./internal/httpsource/decode > .cache/report/log 2>&1; status=$$?; \
		MILLWRIGHT_REPORT_PRINT=$(CURDIR)/.cache/report go test -count=1 -run '^TestReport$$' -v ./internal/httpsource/evil | grep -v '^=== \|^--- \|^PASS\|^ok'; \
		if [ $$status -ne 0 ]; then echo; echo "FAILED:"; cat .cache/report/log; fi; exit $$status

chaos: build ## 500 queries of one project, one in five of them a killer, beside four innocent clients
	MILLWRIGHT_CHAOS=500 go test -count=1 -run Chaos -v -timeout 30m ./internal/e2e/...

fmt: ## gofmt
	gofmt -w cmd internal

clean: ## remove what was built and installed here
	rm -rf bin .cache
