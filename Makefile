# demo · run · test · bench · bench-im · lint: each sets up what it needs.

HOOKD := target/debug/hookd
CLIENTS := tests/clients/node_modules
LEANENGINE := tests/leanengine/node_modules
PEERS := benches/leanengine/node_modules
JS_SDK := hook-sdk/js/node_modules
WORKERD := benches/workerd/node_modules
LEANCLOUD_PYTHON := tests/leancloud-python/.venv
TYPES := tests/types/node_modules
MYPY := tests/types/.venv
COMPONENTIZE_PY := tests/python-hooks/.venv
# One set of features for the demo and the tests, so that the libraries are compiled once for both.
FEATURES := --features hookd/as-in-tests

.PHONY: demo run test bench lint set-up hookd modules python-modules clients help

help:
	@echo "make demo   two real clients chat while hooks rewrite, refuse and time out"
	@echo "make run    start hookd and leave it running"
	@echo "make test   all tests"
	@echo "make test-hostile  every hostile module, a hundred times"
	@echo "make fuzz   a minute of fuzzing for each target (FUZZ_SECONDS=60 FUZZ_TARGETS='frame module')"
	@echo "make soak   ten minutes of trouble while clients come and go (SOAK_SECONDS=600)"
	@echo "make attacks  what strangers, clients and an app can do to a release build, all at once (ATTACK_SECONDS=60)"
	@echo "make bench  measure side by side with the peers; writes docs/performance.md"
	@echo "make bench-im  the same for messages, with prosody and ejabberd; writes docs/performance-im.md"
	@echo "make lint   formatting, lints, documentation, circles of imports, and which libraries there are"
	@echo "make advisories  known weaknesses of libraries; needs GitHub"

demo: hookd clients
	CARGO_TARGET_DIR=$(CURDIR)/target/hooks node tests/clients/demo.mjs --hookd $(HOOKD)

run: hookd
	$(HOOKD) up

test: test-set-up hookd modules python-modules clients $(LEANENGINE) $(LEANCLOUD_PYTHON) $(JS_SDK) $(TYPES) $(MYPY)
	scripts/test-guests.sh
	npm test --prefix hook-sdk/js --silent
	npm test --prefix tests/types --silent
	cargo nextest run --workspace $(FEATURES)
	cargo test --doc --workspace $(FEATURES) --quiet

.PHONY: test-hostile
test-hostile: test-set-up modules
	cargo nextest run --workspace $(FEATURES) --no-capture --test limits a_hundred_rounds_of_all_hostile_modules

FUZZ_SECONDS ?= 60

.PHONY: fuzz
fuzz: set-up
	FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz.sh $(FUZZ_TARGETS)

SOAK_SECONDS ?= 600

.PHONY: soak
soak: test-set-up hookd modules clients
	SOAK_SECONDS=$(SOAK_SECONDS) cargo test --workspace $(FEATURES) --test two_processes -- --exact --nocapture \
		soak::nothing_is_lost_and_everything_comes_back

.PHONY: test-set-up
test-set-up:
	@scripts/set-up.sh test

ATTACK_SECONDS ?= 60

.PHONY: attacks
attacks: test-set-up modules clients
	cargo build --release --package hookd
	TEST_HOOKD=$(CURDIR)/target/release/hookd ATTACK_SECONDS=$(ATTACK_SECONDS) cargo test --workspace $(FEATURES) \
		--test end_to_end -- --exact --nocapture \
		all_attacks::people_of_another_app_talk_on_and_are_filtered_while_everything_is_attacked

bench: bench-set-up modules python-modules $(PEERS) $(WORKERD) $(LEANCLOUD_PYTHON)
	cargo build --release --package hookd --package hookd-benches
	target/release/hookd-bench

.PHONY: bench-set-up
bench-set-up:
	@scripts/set-up.sh bench

.PHONY: bench-im
bench-im: bench-im-set-up modules
	cargo build --release --package hookd --package hookd-benches
	target/release/hookd-bench-im

.PHONY: bench-im-set-up
bench-im-set-up:
	@scripts/set-up.sh bench-im

lint: lint-set-up $(JS_SDK)
	cargo deny --workspace check --hide-inclusion-graph bans licenses sources
	cargo machete
	scripts/check-one-build.py $(FEATURES)
	scripts/check-import-circles.py
	scripts/check-other-systems.sh
	cargo fmt --all --check
	cargo clippy --workspace $(FEATURES),hookd-fuzz-targets/libfuzzer --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace $(FEATURES) --no-deps --document-private-items --quiet
	scripts/lint-guests.sh
	scripts/build-js-engine.sh --check
	npm run --prefix hook-sdk/js --silent check

.PHONY: lint-set-up
lint-set-up:
	@scripts/set-up.sh lint

# Needs the database of known weaknesses, which is on GitHub.
.PHONY: advisories
advisories: lint-set-up
	cargo deny --workspace check advisories

set-up:
	@scripts/set-up.sh run

hookd: set-up
	cargo build --workspace --bin hookd $(FEATURES)

# The hook modules that tests and benches load.
modules: hookd modules-set-up
	scripts/build-modules.sh $(HOOKD)

.PHONY: modules-set-up
modules-set-up:
	@scripts/set-up.sh modules

# Hooks in Python, which need a compiler of their own.
python-modules: hookd $(COMPONENTIZE_PY)
	scripts/build-python-modules.sh $(HOOKD)

clients: $(CLIENTS)

# One project of the npm registry each.
$(CLIENTS) $(LEANENGINE) $(PEERS) $(JS_SDK) $(TYPES) $(WORKERD): %/node_modules: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund
	@touch $@

$(LEANCLOUD_PYTHON) $(MYPY) $(COMPONENTIZE_PY): %/.venv: %/requirements.txt
	python3 -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
