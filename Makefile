SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
NODE := $(CURDIR)/node_modules/.bin/node
# With several threads the compiler hangs now and then on a busy machine.
TSC := tsc -b --singleThreaded
export GIT_COMMIT := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
# The time of what is built: that of the commit, so that building it again gives the same bytes.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

.DEFAULT_GOAL := help
.PHONY: help setup setup-demo setup-npm build pack-calicoctl demo test check test-unit test-etcd test-netns test-bird test-system test-vm test-image fuzz bench \
        image image-archive image-scan lab-shell lab-stop reference format clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install what is missing (Debian packages, npm packages)
	@scripts/setup.sh

setup-demo:
	@scripts/setup.sh demo

setup-npm:
	@scripts/setup.sh npm

build: setup-npm ## type-check everything and bundle each program into dist/
	@$(TSC) && $(NODE) scripts/bundle.ts

pack-calicoctl: build ## pack calicoctl for `npm install -g`, into out/npm
	@$(NODE) scripts/pack-calicoctl.ts

demo: setup-demo build ## play docs/lifecycle.md on two real hosts (KEEP=1 leaves them up)
	@bin/lab demo $(if $(KEEP),--keep)

test: setup build image-archive ## everything; ends with "N passed, N failed"
	@$(NODE) scripts/test.ts

check: setup-npm ## the fast inner loop: types, lint, layers, unit tests
	@$(NODE) scripts/test.ts check unit

test-unit: setup-npm ## pure tests
	@$(NODE) scripts/test.ts unit $(if $(FILES),--files $(FILES))

test-etcd: setup ## tests against a real etcd
	@$(NODE) scripts/test.ts etcd $(if $(FILES),--files $(FILES))

test-netns: setup ## tests against the real kernel
	@$(NODE) scripts/test.ts netns $(if $(FILES),--files $(FILES))

test-bird: setup ## tests against real BIRD
	@$(NODE) scripts/test.ts bird $(if $(FILES),--files $(FILES))

test-system: setup build ## whole-system tests on the bundles
	@$(NODE) scripts/test.ts system $(if $(FILES),--files $(FILES))

test-vm: setup build ## tests in a virtual machine, for what this kernel lacks (IPIP)
	@$(NODE) scripts/test.ts vm $(if $(FILES),--files $(FILES))

test-image: setup build image-archive ## tests of the container, on a Docker engine a host
	@$(NODE) scripts/test.ts image $(if $(FILES),--files $(FILES))

fuzz: setup build ## random policies and packets against the kernel: make fuzz SECONDS=60 SEED=1
	@scripts/in-netns.sh env SECONDS=$(or $(SECONDS),60) $(if $(SEED),SEED=$(SEED)) $(NODE) test/policy/fuzz.ts

bench: setup build image-archive ## measured figures as text and out/bench.json
	@$(NODE) test/bench/main.ts

image: build ## build calico/node with the Docker engine that is there (DOCKER, IMAGE, BASE, APT_MIRROR, DOCKER_BUILD_ARGS)
	@image/build.sh

image-archive: setup build ## build calico/node with an engine of its own, into out/image/calico-node.tar for `docker load`
	@image/own-engine.sh image/archive.sh

image-scan: image-archive ## list what is in the image, with licences
	@image/own-engine.sh docker run --rm --network=none calico/node cat /usr/share/doc/calico-node/sbom.cdx.json | $(NODE) scripts/inventory.ts show

lab-shell: ## a shell on a host that KEEP=1 left up: make lab-shell HOST=host1
	@bin/lab shell $(or $(HOST),host1)

lab-stop: ## end the hosts that KEEP=1 left up
	@bin/lab stop

reference: setup-npm ## regenerate docs/reference
	@$(NODE) scripts/generate-reference.ts

format: setup-npm ## format the sources
	@biome format --write .

clean: ## remove what was built
	@rm -rf dist .build out
