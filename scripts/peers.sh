#!/bin/sh
# Prepares the programs that the tests talk to: installs what is missing, where it may, and sees to a PostgreSQL.
#
#     scripts/peers.sh               installs, prints a table of what is there
#     scripts/peers.sh COMMAND …     then runs the command, and ends what was started for it
#
# RIS_PACS_TEST_POSTGRESQL=postgresql://… names a server of one's own that accepts new databases.
set -eu
cd "$(dirname "$0")/.."
. scripts/apt.sh

# With .venv active, pynetdicom's storescu and findscu would stand before DCMTK's.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$(pwd -P)/.venv/bin" | paste -sd :)

PACKAGES="dcmtk orthanc orthanc-dicomweb dicom3tools chromium libatomic1 poppler-utils postgresql postgresql-client"

# Whether the peer that a package brings is here.
has() {
    case $1 in
        dcmtk) command -v storescu && command -v dcmqrscp && command -v wlmscpfs ;;
        orthanc) command -v Orthanc ;;
        orthanc-dicomweb) ls /usr/share/orthanc/plugins/libOrthancDicomWeb.so ;;
        dicom3tools) command -v dciodvfy ;;
        chromium) command -v chromium ;;
        libatomic1) ls /usr/lib/*/libatomic.so.1 ;; # Playwright's own Node.js needs it
        poppler-utils) command -v pdftoppm ;;
        postgresql) [ -n "$(server_programs)" ] ;;
        postgresql-client) command -v psql ;;
    esac >/dev/null 2>&1
}

absent() {
    for package in $PACKAGES; do
        has "$package" || echo "$package"
    done | paste -sd ' '
}

# The folder of the newest server's programs; Debian keeps them out of PATH.
server_programs() {
    found=$(find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null | sort -V | tail -n 1)
    found=${found:-$(command -v initdb || true)}
    [ -z "$found" ] || dirname "$found"
}

install_absent() {
    missing=$(absent)
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086  # a list of names
    install_packages $missing || for package in $missing; do install_packages "$package" || true; done
    case " $missing " in *" orthanc "*) stop_service_of_orthanc ;; esac
}

# Debian's package starts Orthanc as a service. The tests start their own, and nobody asked for that one.
stop_service_of_orthanc() {
    if [ -d /run/systemd/system ]; then as_root systemctl disable --quiet --now orthanc || true; fi
}

# ---- PostgreSQL ----

server=${RIS_PACS_TEST_POSTGRESQL:-postgresql://postgres@127.0.0.1:5432/postgres}
server_state=MISSING
own_server=

answers() {
    .venv/bin/python - "$server" <<'PYTHON' 2>/dev/null
import sys

import psycopg

psycopg.connect(sys.argv[1], connect_timeout=3).close()
PYTHON
}

see_to_postgresql() {
    if answers || { [ -z "${RIS_PACS_TEST_POSTGRESQL:-}" ] && { start_the_machines_server || start_own_server; }; }; then
        server_state=present
    fi
}

# Debian's cluster on port 5432, when it is only down. One that lets no test in is put back as it was.
start_the_machines_server() {
    cluster=$(pg_lsclusters -h 2>/dev/null | awk '$3 == 5432 && $4 ~ /^down/ { print $1, $2; exit }')
    [ -n "$cluster" ] || return 1
    # shellcheck disable=SC2086  # version and name
    as_root pg_ctlcluster $cluster start >/dev/null 2>&1 || return 1
    if answers; then return 0; fi
    # shellcheck disable=SC2086
    as_root pg_ctlcluster $cluster stop >/dev/null 2>&1 || true
    return 1
}

# A server that trusts this machine and lives as long as this script. It refuses to run as root.
start_own_server() {
    programs=$(server_programs)
    [ -n "$programs" ] || return 1
    own_server=$(mktemp -d)
    if [ "$(id -u)" -eq 0 ]; then chown postgres "$own_server"; fi
    port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    if ! {
        as_owner "$programs/initdb" -D "$own_server/data" -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync &&
            as_owner "$programs/pg_ctl" -D "$own_server/data" -l "$own_server/log" -w \
                -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off" start
    } >"$own_server/said" 2>&1; then
        tail -n 5 "$own_server/said" >&2
        stop_own_server
        own_server=
        return 1
    fi
    server=postgresql://postgres@127.0.0.1:$port/postgres
    export RIS_PACS_TEST_POSTGRESQL="$server"
}

as_owner() (
    cd /
    if [ "$(id -u)" -eq 0 ]; then exec runuser -u postgres -- "$@"; else exec "$@"; fi
)

stop_own_server() {
    [ -n "$own_server" ] || return 0
    as_owner "$(server_programs)/pg_ctl" -D "$own_server/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$own_server"
}

# ---- The table ----

print_table() {
    echo "Peers of the tests"
    line orthanc "Orthanc" "archive beside ours"
    line orthanc-dicomweb "Orthanc DICOMweb" "QIDO-RS, WADO-RS, STOW-RS"
    line dcmtk "DCMTK" "modalities and archives over DICOM"
    line dicom3tools "dicom3tools" "dciodvfy, checks objects"
    line chromium "Chromium" "pages as a person uses them"
    line libatomic1 "Playwright" "drives Chromium"
    line poppler-utils "poppler-utils" "reads our PDF"
    line postgresql-client "PostgreSQL client" "psql"
    printf '  %s  %-18s %s\n' "$server_state" "PostgreSQL" "$server${own_server:+, started for this run}"
    missing=$(absent)
    if [ -n "$missing" ] || [ "$server_state" = MISSING ]; then
        echo "WITHOUT A PEER ITS TESTS ARE SKIPPED; WITH CI=true THEY FAIL."
    fi
    [ -z "$missing" ] || echo "To install what is missing: apt-get install $missing"
}

line() {
    if has "$1"; then state=present; else state=MISSING; fi
    printf '  %s  %-18s %s\n' "$state" "$2" "$3"
}

install_absent
trap stop_own_server EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
see_to_postgresql
print_table
[ $# -eq 0 ] || "$@"
