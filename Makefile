.DEFAULT_GOAL := help
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

.PHONY: run test test-race bench fuzz lint fmt cover image up down ci help

run: ## Run the service with its embedded database
	go run ./cmd/api

test: ## Run every test, including those on a real PostgreSQL
	go test ./...

test-race: ## Run every test with the race detector and in random order
	go test -race -shuffle=on ./...

bench: ## Run every benchmark
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## Run every fuzz target for ten seconds
	bash .ci/fuzz 10s

lint: ## Run the linters
	bash .ci/lint run

fmt: ## Format the code and sort its imports
	bash .ci/lint fmt

cover: ## Print the coverage of each package and write coverage.html
	go test -coverprofile coverage.out ./...
	go tool cover -html coverage.out -o coverage.html
	bash .ci/coverage coverage.out 90

image: ## Build the container image
	docker build --build-arg VERSION=$(VERSION) $(if $(GO_IMAGE),--build-arg GO_IMAGE=$(GO_IMAGE)) --tag api:$(VERSION) --tag api:latest .

up: ## Start the image and a PostgreSQL on http://127.0.0.1:8080
	VERSION=$(VERSION) $(COMPOSE) up --build --detach

down: ## Stop the image and PostgreSQL, and keep the data
	$(COMPOSE) down

ci: ## Run all checks of the continuous integration
	bash .ci/run

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
