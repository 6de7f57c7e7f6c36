#!/bin/sh
# Makes .venv what the lock files say, and installs the system libraries that are missing.
#
#     scripts/setup.sh         what `ris-pacs` needs to run
#     scripts/setup.sh test    that and the tools of tests and checks
#
# PYTHON=python3.12 chooses the interpreter; without it, the first of python3, python3.13, … that is 3.11 or later.
# Registries are those that uv or pip are set up for on this machine. When nothing has changed since the last
# time, it looks at one stamp and returns.
set -eu
cd "$(dirname "$0")/.."
. scripts/apt.sh

kind=${1:-run}
stamp=.venv/.ris-pacs-setup

say() { printf '%s\n' "$*"; }
fail() {
    printf 'Error: %s\n' "$*" >&2
    exit 1
}

# What .venv depends on: the kind of environment, where it stands (scripts in it name the place), and these files.
fingerprint() {
    echo "$1"
    pwd -P
    sha256sum requirements/bootstrap.lock "requirements/$1.lock" pyproject.toml scripts/setup.sh
}

is_current() {
    [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint "$1")" ] && is_wanted_version
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

is_wanted_version() {
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of .venv/bin/python)" ]
}

is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_recent "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or later."
        echo "$PYTHON"
        return
    fi
    for name in python3 python3.13 python3.12 python3.11; do
        if is_recent "$name"; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.11 or later is missing. On Debian: apt-get install python3 python3-venv"
}

make_venv() {
    if [ -x .venv/bin/python ] && is_recent .venv/bin/python && is_wanted_version &&
        grep -qF "$(pwd -P)/.venv" .venv/bin/activate &&
        .venv/bin/python -m pip --version >/dev/null 2>&1; then
        return
    fi
    python=$(find_python)
    version=$(version_of "$python")
    # Debian packs this part of Python apart.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        install_packages "python$version-venv" ||
            fail "Python $version here has no venv module. Install it, then try again: apt-get install python3-venv"
    fi
    say "Making .venv with Python $version."
    "$python" -m venv --clear .venv
}

pip_install() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-user --no-deps "$@"
}

get_uv() {
    wanted=$(sed -n 's/^uv==\([^ ;]*\).*/\1/p' requirements/bootstrap.lock)
    case "$(.venv/bin/uv --version 2>/dev/null)" in "uv $wanted" | "uv $wanted "*) return ;; esac
    pip_install --require-hashes -r requirements/bootstrap.lock
}

# uv reads UV_… and uv.toml. Where only pip is set up for an index or a certificate of one's own, uv is told of them.
follow_pip() {
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] &&
        [ ! -e "${XDG_CONFIG_HOME:-${HOME:-}/.config}/uv/uv.toml" ] && [ ! -e /etc/uv/uv.toml ]; then
        index=${PIP_INDEX_URL:-$(pip_setting index-url)}
        [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
    fi
    if [ -z "${SSL_CERT_FILE:-}" ]; then
        certificate=${PIP_CERT:-$(pip_setting cert)}
        [ -z "$certificate" ] || export SSL_CERT_FILE="$certificate"
    fi
}

pip_setting() { .venv/bin/python -m pip config get "global.$1" 2>/dev/null || true; }

uv_sync() { .venv/bin/uv pip sync --python .venv/bin/python --require-hashes "$@" "$lock"; }

# Progress is for someone who watches.
quiet=$([ -t 2 ] || echo --quiet)

install_packages_of_python() {
    lock=requirements/$1.lock
    say "Installing the packages of $lock."
    if get_uv; then
        # Often everything is in uv's cache already: then no registry is needed.
        uv_sync --quiet --offline 2>/dev/null && return
        follow_pip
        # shellcheck disable=SC2086  # nothing, or one option
        uv_sync $quiet && return
        say "uv did not get through; trying with pip, as pip is set up here."
    fi
    pip_install --require-hashes -r "$lock" ||
        fail "the packages of $lock could not be installed: is a package registry within reach?"
}

install_project() {
    if [ -x .venv/bin/uv ]; then
        .venv/bin/uv pip install --quiet --python .venv/bin/python --offline --no-deps --no-build-isolation --editable .
    else
        pip_install --no-index --no-build-isolation --editable .
    fi
}

# Five processes start from the same packages: compiled once they start in a third of the time, also where
# PYTHONDONTWRITEBYTECODE keeps Python from it.
compile_all() { .venv/bin/python -m compileall -q -j 0 .venv/lib ris_pacs >/dev/null 2>&1 || true; }

# Debian's names of what WeasyPrint (labels, reports, letters as PDF) loads and does not find.
missing_libraries() {
    .venv/bin/python -S - <<'PYTHON'
import ctypes

for library, package in {
    "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}.items():
    try:
        ctypes.CDLL(library)
    except OSError:
        print(package)
PYTHON
    if [ -z "$(find /usr/share/fonts /usr/local/share/fonts -name '*.[ot]tf' 2>/dev/null | head -n 1)" ]; then
        echo fonts-dejavu-core
    fi
}

install_libraries() {
    missing=$(missing_libraries | paste -sd ' ')
    # shellcheck disable=SC2086  # a list of names
    [ -z "$missing" ] || install_packages $missing || true
}

warn_of_libraries() {
    missing=$(missing_libraries | paste -sd ' ')
    [ -z "$missing" ] || say "NOTE: labels and reports as PDF need what is missing here: apt-get install $missing"
}

# Two set-ups of one clone at a time would undo each other's work.
exec 9<requirements/run.lock
! command -v flock >/dev/null || flock 9

# An environment with the test tools serves for running too, and keeps them.
if [ -x .venv/bin/pytest ]; then kind="test"; fi

if ! is_current "$kind"; then
    make_venv
    rm -f "$stamp"
    install_packages_of_python "$kind"
    install_project
    compile_all
    install_libraries
    fingerprint "$kind" >"$stamp"
    say "The environment is ready: .venv/bin/ris-pacs --help"
fi
warn_of_libraries
