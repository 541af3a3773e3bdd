# Functions that the scripts of this folder share. Bash sources this file; it is not a command.
# shellcheck shell=bash
# shellcheck disable=SC2154 # `root` is set by the script that sources this file

deps=$root/.deps
# shellcheck disable=SC2034 # used by the scripts
requirements=$root/Tools/requirements
log=
child=
# The terminal, for messages while the errors of a command go into a file.
exec 3>&2

say() { printf '%s\n' "$*"; }

# Prints an error and the lines that explain it, then exits.
fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    shift
    for line; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# Runs a command in a way that lets a signal to this script stop the command immediately.
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
    printf '\n%s: stopped. Incomplete downloads are not used; run the command again to continue.\n' \
        "$(basename "$0")" >&3
    exit 130
}
trap stopped INT TERM HUP

# Allows one setup at a time per checkout. macOS has no flock, so there is no lock there.
lock() {
    mkdir -p "$deps" || fail "cannot write to $root"
    command -v flock >/dev/null 2>&1 || return 0
    exec 9>"$deps/.lock" || fail "cannot write to $deps"
    if ! flock --nonblock 9; then
        say "Another setup is running in $deps; waiting until it ends."
        run flock 9
    fi
}

# Creates a folder for partial downloads. The next setup removes what an interrupted one left.
scratch() {
    rm -rf "$deps/.partial"
    mkdir -p "$deps/.partial/tmp" "$deps/.wheels"
    log=$deps/.partial/pip.log
    # pip downloads into the temporary folder first, and /tmp can be a small memory disk.
    export TMPDIR=$deps/.partial/tmp
}

# Sets `python` to a Python 3.8 or newer that has pip, or to an empty string.
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

# Runs `pip download` with the user's pip configuration; `explain_pip` reads the errors it logs.
# It installs nothing, so that a pip that insists on a virtual environment must not refuse.
pip_download() {
    PIP_REQUIRE_VIRTUALENV=0 run "$python" -m pip download --disable-pip-version-check \
        --no-deps --only-binary=:all: "$@" 2>"$log"
}

# Classifies the last pip failure as hash, disk, network or other.
pip_failure() {
    if grep -qE 'DO NOT MATCH THE HASHES' "$log"; then
        echo hash
    elif grep -qE 'No space left|Errno 28\b|Disk quota' "$log" || [ "$(free_mb "$deps")" -lt 20 ]; then
        # On a full disk the log itself may be cut off.
        echo disk
    elif grep -qiE 'retrying|connection (refused|broken|aborted|reset)|timed out|ProxyError|SSLError|CERTIFICATE|name resolution|Max retries|HTTP error|incomplete-download|IncompleteRead' "$log"; then
        echo network
    else
        echo other
    fi
}

disk_full() {
    fail "the disk is full: only $(free_mb "$deps") MB are free in $deps." \
        "Free some space, then run the command again."
}

# Older versions of pip do not list the versions that a package index offers.
check_pip() {
    local version
    version=$("$python" -m pip --version | sed -nE 's/^pip ([0-9]+)\.([0-9]+).*/\1 * 100 + \2/p')
    [ $((version)) -ge 2101 ] || fail "pip 21.1 or newer is needed, found $("$python" -m pip --version)" \
        "Upgrade it: $python -m pip install --upgrade pip"
}

# Explains why pip failed and what to do, then exits.
explain_pip() {
    case $(pip_failure) in
    hash)
        fail "a downloaded file does not match its pinned hash and was not used." \
            "$(grep -E '^ +(Expected|or|Got) |--hash|\.whl' "$log" | head -n 6 | sed 's/^ *//' | tr '\n' ' ')" \
            "The package index, a proxy or a cache changed the file. Clear the cache and try again:" \
            "  $python -m pip cache purge" \
            "If the error persists, report it. Do not change the hash."
        ;;
    disk) disk_full ;;
    network)
        fail "pip cannot reach its package index." \
            "$(grep -oiE "(\[Errno [^']*|Temporary failure[^']*|certificate verify[^'(]*|[^ '(]*timed out[^'(]*|Cannot connect to proxy[^'(]*|HTTP error [^']*)" "$log" | tail -n 1)" \
            "To see which index pip uses: $python -m pip config list; env | grep -i -e pip_ -e proxy"
        ;;
    *)
        fail "pip could not download the packages that $1 pins." \
            "$(grep -E '^ERROR' "$log" | tail -n 2 | cut -c 1-400)" "pip's full output: $log"
        ;;
    esac
}

free_mb() { df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }'; }

need_space() {
    local free
    free=$(free_mb "$deps")
    [ "$free" -ge "$1" ] ||
        fail "setup needs $1 MB of free disk space in $deps, and $free MB are free."
}
