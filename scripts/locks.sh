#!/bin/sh
# Writes requirements/*.lock from pyproject.toml: exact versions and digests for every platform, no addresses.
#
#     scripts/locks.sh              keeps the versions that still fit
#     scripts/locks.sh --upgrade    takes the newest that fit
set -eu
cd "$(dirname "$0")/.."

compile() {
    .venv/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate --universal --python-version 3.11 "$@"
}

# Tools first: what runs takes the same versions as what is tested.
compile pyproject.toml --group build --group test -o requirements/test.lock "$@"
compile pyproject.toml --group build --constraints requirements/test.lock -o requirements/run.lock "$@"
echo uv | compile - -o requirements/bootstrap.lock "$@"
