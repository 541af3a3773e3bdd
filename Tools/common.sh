# Shared by the scripts of this folder; sourced by bash, not run.
# shellcheck shell=bash
# shellcheck disable=SC2154 # root is set by the script that sources this

deps=$root/.deps
# shellcheck disable=SC2034 # for the scripts
requirements=$root/Tools/requirements
log=
child=
# The terminal, also while a command's own errors go into a file.
exec 3>&2

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    shift
    for line; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# Runs a command so that a signal to this script stops the command at once too.
run() {
    "$@" &
    child=$!
    local status=0
    wait "$child" || status=$?
    child=
    return "$status"
}

stopped() {
    trap '' INT TERM HUP
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
    wait 2>/dev/null || true
    printf '\n%s: stopped. Nothing half-done counts as finished; run it again to go on.\n' \
        "$(basename "$0")" >&3
    exit 130
}
trap stopped INT TERM HUP

# One set-up at a time in one checkout. macOS has no flock: there it goes without.
lock() {
    mkdir -p "$deps" || fail "cannot write in $root"
    command -v flock >/dev/null 2>&1 || return 0
    exec 9>"$deps/.lock" || fail "cannot write in $deps"
    if ! flock --nonblock 9; then
        say "Another set-up is running in $deps: waiting for it."
        run flock 9
    fi
}

# A partial download or unpacking lives only here, and goes at the next start at the latest.
scratch() {
    rm -rf "$deps/.partial"
    mkdir -p "$deps/.partial/tmp" "$deps/.wheels"
    log=$deps/.partial/pip.log
    # pip downloads into the temporary folder first; /tmp can be a small memory disk.
    export TMPDIR=$deps/.partial/tmp
}

# Sets `python` to a Python 3.8+ that has pip, or to nothing.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null &&
            "$candidate" -m pip --version >/dev/null 2>&1; then
            python=$candidate
            return
        fi
    done
    python=
}

# `pip download`, as pip is configured here, with its errors kept for `explain_pip`.
# Neither needs an environment of its own: nothing is installed into Python.
pip_download() {
    PIP_REQUIRE_VIRTUALENV=0 run "$python" -m pip download --disable-pip-version-check \
        --no-deps --only-binary=:all: "$@" 2>"$log"
}

# The kind of the last pip failure: a word, so that the callers choose their words.
pip_failure() {
    if grep -qE 'DO NOT MATCH THE HASHES' "$log"; then
        echo hash
    elif grep -qE 'No space left|Errno 28\b|Disk quota' "$log" || [ "$(free_mb "$deps")" -lt 20 ]; then
        # On a full disk the log has no room either.
        echo disk
    elif grep -qiE 'retrying|connection (refused|broken|aborted|reset)|timed out|ProxyError|SSLError|CERTIFICATE|name resolution|Max retries|HTTP error|incomplete-download|IncompleteRead' "$log"; then
        echo network
    else
        echo other
    fi
}

disk_full() {
    fail "the disk is full: $(free_mb "$deps") MB are free in $deps." "Make room, then run this again."
}

# Older ones do not tell which versions an index offers.
check_pip() {
    local version
    version=$("$python" -m pip --version | sed -nE 's/^pip ([0-9]+)\.([0-9]+).*/\1 * 100 + \2/p')
    [ $((version)) -ge 2101 ] || fail "pip 21.1 or newer is needed, found $("$python" -m pip --version)" \
        "Renew it: $python -m pip install --upgrade pip"
}

# Ends with what is wrong and what to do.
explain_pip() {
    case $(pip_failure) in
    hash)
        fail "a downloaded file is not the one that is pinned; nothing of it was used." \
            "$(grep -E '^ +(Expected|or|Got) |--hash|\.whl' "$log" | head -n 6 | sed 's/^ *//' | tr '\n' ' ')" \
            "The package index, a proxy or a cache changed it. Try: $python -m pip cache purge," \
            "then run this again. When it stays so, do not change the hash: report it."
        ;;
    disk) disk_full ;;
    network)
        fail "the package index that pip uses cannot be reached." \
            "$(grep -oiE "(\[Errno [^']*|Temporary failure[^']*|certificate verify[^'(]*|[^ '(]*timed out[^'(]*|Cannot connect to proxy[^'(]*|HTTP error [^']*)" "$log" | tail -n 1)" \
            "See which one it is with: $python -m pip config list; env | grep -i -e pip_ -e proxy"
        ;;
    *)
        fail "pip could not download what is pinned in $1." \
            "$(grep -E '^ERROR' "$log" | tail -n 2 | cut -c 1-400)" "All that pip said: $log"
        ;;
    esac
}

free_mb() { df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }'; }

need_space() {
    local free
    free=$(free_mb "$deps")
    [ "$free" -ge "$1" ] ||
        fail "$1 MB of disk are needed in $deps for the moment, $free MB are free."
}
