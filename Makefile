.DEFAULT_GOAL := help
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

.PHONY: run test test-race bench fuzz lint fmt cover image up down ci help

run: ## Run the service with its embedded database
	go run ./cmd/api

test: ## Run every test, those on a real PostgreSQL included
	go test ./...

test-race: ## The same with the race detector and in random order
	go test -race -shuffle=on ./...

bench: ## Run every benchmark
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## Run every fuzz target for ten seconds
	.ci/fuzz 10s

lint: ## Run the linters
	.ci/lint run

fmt: ## Format the code and sort its imports
	.ci/lint fmt

cover: ## Print the coverage of each package and write coverage.html
	go test -coverprofile coverage.out ./...
	go tool cover -html coverage.out -o coverage.html
	.ci/coverage coverage.out 90

image: ## Build the container image
	docker build --build-arg VERSION=$(VERSION) --tag api:$(VERSION) --tag api:latest .

up: ## Start the image and a PostgreSQL beside it on http://127.0.0.1:8080
	VERSION=$(VERSION) $(COMPOSE) up --build --detach

down: ## Stop them; their data is kept
	$(COMPOSE) down

ci: ## Do what the continuous integration does
	.ci/run

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
