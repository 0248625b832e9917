# Every verb of the workshop. Hooks and CI call these, so a laptop, a hook and CI run one definition.

venv := env("ANSWERDESK_VENV", justfile_directory() / ".venv")
export PATH := venv / "bin" + ":" + env("PATH")
code := "src tests scripts samples benchmarks conftest.py"

# List the verbs.
default:
    @just --list --unsorted

# Make the development environment.
setup:
    python3 scripts/check.py --no-tests

# Put the code into shape.
fmt:
    ruff check --quiet --fix-only {{ code }}
    ruff format --quiet {{ code }}

# Style.
lint:
    ruff check {{ code }}
    ruff format --check {{ code }}

# Types.
types:
    mypy

# Imports go down the stairs only.
contracts:
    lint-imports --no-logo

# The quick core: every room by itself, without a server or a program.
test *args:
    pytest -q -n 2 --dist loadfile -m "not slow and not wide and not e2e and not browser" {{ args }}

# Everything, the slow and the third-party programs too.
test-all *args:
    pytest -q -n 2 --dist loadfile {{ args }}

# What differs between PostgreSQL's versions, over the server that ANSWERDESK_TEST_POSTGRES names.
test-oldest *args:
    pytest -q -n 2 -m "not slow" -k "postgres or versions or migrations" tests/store/test_versions.py tests/store/test_migrations.py tests/store/test_claim.py tests/store/test_books.py {{ args }}

# Unmodified third-party programs against a running server, deploy/ in the hands of what it is for, and a few faults.
e2e *args:
    pytest -q -n 2 --dist loadfile -m e2e tests/e2e tests/deploy tests/chaos {{ args }}

# People in a real browser; needs Debian's chromium. The pictures of all views go to build/views.
browser *args:
    pytest -q -n 2 --dist loadfile -m browser tests/browser {{ args }}

# The documentation's examples and links.
docs *args:
    pytest -q README.md docs tests/house/test_docs.py tests/house/test_reference.py tests/house/test_decisions.py {{ args }}

# Write docs/reference/ anew from the code's own tables.
reference:
    python scripts/reference.py

# Tests with branch coverage: all of model, desk and wire, nine tenths of the rest.
cov:
    coverage erase
    coverage run -m pytest -q -n 2 --dist loadfile -m "not e2e and not browser"
    coverage combine --quiet
    coverage report --include "src/answerdesk/model/*,src/answerdesk/desk/*,src/answerdesk/wire/*" --fail-under 100
    coverage report --fail-under 90

# Measure this machine with one of benchmarks/; `speed`, its table and RESULTS.md without a name.
bench name="speed" *args:
    python benchmarks/{{ name }}.py {{ args }}

# Pin every package with its hashes.
lock *args:
    sh scripts/lock.sh {{ args }}

# The wheel, into dist/.
build dist="dist":
    hatchling build -t wheel -d {{ dist }}

# What has to pass before a commit.
check: lint types contracts test
