# The first Python here that is new enough; `make demo PYTHON=/path/to/python` names another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
VENV := .venv/bin/python
# The port of the desk.
PORT ?= 8000
# More words for pytest: make test TESTS="tests/engine -x"
TESTS ?= tests

.PHONY: demo desk mail test soak bench fuzz lock clean python pictures

demo: python
	@$(PYTHON) demo/prepare.py && $(VENV) -m demo --port $(PORT)

desk: python
	@$(PYTHON) demo/prepare.py && $(VENV) -m demo desk --port $(PORT)

# A mail to the running desk: make mail SUBJECT="Bonjour" TEXT="..." [TO=support@masociete.test]
mail:
	@$(VENV) -m demo mail "$(TO)" "$(SUBJECT)" "$(TEXT)"

test: python
	@$(PYTHON) demo/prepare.py --tests && $(VENV) -m pytest -n auto --maxprocesses 4 --dist loadfile --timeout 300 $(TESTS)

# 1,000 kills at random moments, then 20 minutes of mail programs at work in a mailbox that is pulled and listened to.
KILLS ?= 1000
SECONDS ?= 1200
soak: python
	@$(PYTHON) demo/prepare.py --tests && SOAK_KILLS=$(KILLS) SOAK_SECONDS=$(SECONDS) SOAK_SEED=$${SOAK_SEED:-$$$$} \
		$(VENV) -m pytest -p no:randomly --timeout 0 -s tests/soak

bench: python
	@$(PYTHON) demo/prepare.py --tests && $(VENV) -m benchmarks

# 100,000 mutated messages through the reader: make fuzz [COUNT=100000] [SEED=1]
fuzz: python
	@$(PYTHON) demo/prepare.py --tests && COUNT=$(COUNT) SEED=$(SEED) $(VENV) -m tests.fuzz

# The pictures of the guides, taken by the tests that follow the page of instructions.
pictures: python
	@$(PYTHON) demo/prepare.py --tests && rm -rf docs/images && \
		$(VENV) -m pytest -q --pictures docs/images tests/browser/test_seed_walk.py tests/browser/test_desk_company.py

# Pins for every supported Python at once, which pip freeze cannot give; uv is needed for this alone.
lock: python
	@mkdir -p .demo && $(PYTHON) -m venv --clear .demo/lock && .demo/lock/bin/pip install -q uv
	@cd requirements && for set in demo test; do \
		UV_CUSTOM_COMPILE_COMMAND="make lock" ../.demo/lock/bin/uv pip compile -q --upgrade --universal --python-version 3.10 \
		--annotation-style line $$set.in -o $$set.txt || exit 1; done
	@rm -rf .demo/lock && git --no-pager diff --stat -- requirements

# Forget the demo's site and mail; the virtual environment stays.
clean:
	@$(VENV) -m mail_servers stop --folder .demo/mail 2>/dev/null; rm -rf .demo

python:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
		p="$(PYTHON)"; p="$${p:-python3}"; \
		echo "Dokos Mail needs Python 3.10 or newer; $$p is: $$($$p --version 2>&1 | tail -n 1)." >&2; exit 1; }
