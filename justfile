# What contributors run; CI runs `.ci/run`, which ends in the same tests.

python := if os() == "windows" { ".venv/Scripts/python" } else { ".venv/bin/python" }

# List the targets
default:
    @just --list

# Make .venv with everything the tests need, and run them all
test *options:
    python3 install.py --test {{options}}

# The tests with the coverage of branches: a third slower, so CI, which has to end within 15 minutes, leaves it out
coverage *options:
    python3 install.py --test -n 2 --dist worksteal --cov --cov-report term:skip-covered {{options}}

# The same as CI: install missing components, then test with nothing allowed to skip
ci:
    .ci/run

# Style, types and layers
check:
    {{python}} -m ruff check .
    {{python}} -m ruff format --check .
    {{python}} -m mypy
    {{python}} -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
    {{python}} docs/generate.py --check

# Put the sources into the house style
format:
    {{python}} -m ruff check --fix .
    {{python}} -m ruff format .

# Make the pages and files that come from the code
docs:
    {{python}} docs/generate.py

# Write down what common events run in a hook: what the bundle loads at once (`hooks/gaia_hooks/common.py`)
common:
    GAIA_TEST_WRITE=common {{python}} -m pytest -q -p no:xdist tests/hooks/test_common.py

pin := "uv pip compile -q pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate"

# Pin today's versions of all dependencies: what install.py installs, and what the tests need
lock:
    {{python}} -m {{pin}} --all-extras --upgrade -o requirements-test.lock
    {{python}} -m {{pin}} --extra tokens --upgrade -c requirements-test.lock -o requirements.lock

# The bill of materials of what install.py installs, as CycloneDX
sbom:
    {{python}} -m uv tool run --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible -o sbom.cdx.json

# Ask the index's advisory database about every pinned version; it fails where the database cannot be asked
audit:
    {{python}} -m uv tool run --from pip-audit==2.10.1 pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements.lock -r requirements-test.lock

# What a Claude Code client has, compared with what we know: a version in the tests' cache, or a program
census *client:
    {{python}} bench/census.py {{client}}

# All benches, each small, beside their floors and peers (about ten minutes); `python bench/NAME.py -h` has the sizes
bench:
    -{{python}} bench/hooks.py
    -{{python}} bench/transcripts.py --mb 30
    -{{python}} bench/ledger.py --events 100000 --rows 500000
    -{{python}} bench/middleware.py --calls 200
    -{{python}} bench/mcp.py --rounds 3 --events 100000 --calls 10000
    -{{python}} bench/dashboard.py --events 200000
    -{{python}} bench/prices.py
    -{{python}} bench/routing.py
    -{{python}} bench/forecast.py

# What a stranger does, in every order, with `install.py` and as a plugin, in the real client; each step is printed
strangers orders="24":
    GAIA_TEST_INSTALL=1 GAIA_TEST_STRANGERS={{orders}} {{python}} -m pytest -q -s -p no:xdist tests/e2e/test_strangers.py

# ccusage, codeburn, claude-monitor and ours on the same files; writes docs/compare.md (needs npm, Node 22.13 and the network)
compare:
    {{python}} bench/compare.py --write

# Everything at once, with kills, and the proofs at size: one table (about 40 minutes; `just stress 20` takes two)
stress part="1":
    {{python}} bench/stress --part {{part}}
