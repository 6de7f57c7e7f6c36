# shellcheck shell=sh
# Sourced by setup.sh and peers.sh: Debian packages, where this user may install them.

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null && as_root true 2>/dev/null
}

# install_packages NAME…: 0 when all of them are there afterwards. Quiet; what failed is said on stderr.
install_packages() {
    may_install || return 1
    printf 'Installing with apt-get: %s\n' "$*"
    apt_log=$(mktemp)
    # A package list that is missing or old is the usual reason for a first failure.
    if _apt install --no-install-recommends "$@" >"$apt_log" 2>&1 ||
        { _apt update >"$apt_log" 2>&1 && _apt install --no-install-recommends "$@" >>"$apt_log" 2>&1; }; then
        rm -f "$apt_log"
        return 0
    fi
    tail -n 5 "$apt_log" >&2
    rm -f "$apt_log"
    return 1
}

# Without questions, without standard input, and patient with another apt that runs.
_apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" </dev/null
}
