#!/usr/bin/env bash
# Makes .venv on Python 3.11 with exactly the versions in uv.lock; `make setup` calls it.
#
#     scripts/setup.sh       makes or updates .venv; nothing to do takes no time
#     scripts/setup.sh uv    prints the path of a uv that is new enough, fetched if need be
#
# PYTHON=/path/to/python3.11 chooses the interpreter. No Python is ever downloaded, and nothing
# is written outside this folder and uv's cache.
set -euo pipefail
shopt -s inherit_errexit # Else a failure within $(…) would go on.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VERSION=3.11
readonly STAMP=.venv/.setup-stamp
# There while .venv is being made: a .venv found beside it was interrupted and is made anew.
readonly UNFINISHED=.uv/setup-unfinished

main() {
    case "${1:-}" in
        '') set_up ;;
        uv) find_uv ;;
        *) fail "scripts/setup.sh: unknown argument '$1'; it takes none, or 'uv'." ;;
    esac
}

set_up() {
    check_platform
    if up_to_date; then
        return
    fi
    mkdir -p .uv
    if command -v flock >/dev/null; then # Two set-ups at once: the second waits, then sees the stamp.
        exec 9>.uv/lock
        flock 9
        if up_to_date; then
            return
        fi
    fi
    if [[ -e $UNFINISHED ]] || ! is_python .venv/bin/python; then
        rm -rf .venv
    fi
    local uv
    uv=$(find_uv)
    sync_environment "$uv"
    echo ".venv is ready: $(.venv/bin/python --version), every version as in uv.lock."
}

check_platform() {
    local platform
    platform="$(uname -s) $(uname -m)"
    if [[ $platform != 'Linux x86_64' ]]; then
        fail "warmstart runs on Linux x86_64, where TFX has wheels, and this is $platform;" \
            "use the Docker image (make image) on such a machine."
    fi
}

up_to_date() {
    [[ ! -e $UNFINISHED && -f $STAMP && $(<"$STAMP") == "$(fingerprint)" ]] && is_python .venv/bin/python
}

# The folder is part of it: the scripts in .venv/bin hold its path.
fingerprint() {
    pwd -P
    cat uv.lock pyproject.toml setup.py scripts/setup.sh | sha256sum
}

is_python() {
    "$1" -I -S -c "import sys; sys.exit(
        sys.version_info[:2] != (${VERSION/./, }) or sys.implementation.name != 'cpython')" >/dev/null 2>&1
}

# Candidates are run, not only looked up: a pyenv shim is on PATH also when it has no Python to run.
find_python() {
    local candidate found=
    if [[ -n ${PYTHON:-} ]]; then
        is_python "$PYTHON" ||
            fail "PYTHON=$PYTHON is not a Python $VERSION; name one, or leave PYTHON out."
        found=$PYTHON
    else
        for candidate in .venv/bin/python "python$VERSION" python3 python; do
            if is_python "$candidate"; then
                found=$candidate
                break
            fi
        done
    fi
    if [[ -z $found ]]; then
        found=$(uv python find --system --no-python-downloads "$VERSION" 2>/dev/null) ||
            fail "warmstart needs Python $VERSION and found none on PATH; install it (on Ubuntu and" \
                "Debian: python$VERSION and python$VERSION-venv) or name one: make setup PYTHON=/path/to/python$VERSION"
    fi
    # From within a virtual environment, the Python that it was made from.
    "$found" -I -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))'
}

find_uv() {
    local uv wanted
    wanted=$(sed -n 's/^required-version = ">=\([0-9.]*\)"$/\1/p' pyproject.toml)
    for uv in "$(command -v uv || true)" .uv/venv/bin/uv .uv/packages/bin/uv; do
        if [[ -x $uv ]] && at_least "$wanted" "$("$uv" --version)"; then
            echo "$uv"
            return
        fi
    done
    fetch_uv
}

at_least() { # at_least 0.9 'uv 0.13.9 (…)'
    local version
    read -r _ version _ <<<"$2"
    printf '%s\n' "$1" "$version" | sort --version-sort --check=silent
}

fetch_uv() {
    local python
    python=$(find_python)
    echo "Fetching uv from PyPI into .uv/ with $python" >&2
    rm -rf .uv/venv .uv/packages
    # The user's own pip settings may ask for --user, which a virtual environment refuses.
    export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
    local options=(--quiet --require-hashes --requirement requirements-uv.txt)
    if "$python" -m venv .uv/venv >/dev/null 2>&1; then # Debian's own Python may lack ensurepip.
        .uv/venv/bin/python -m pip install "${options[@]}" >&2 || fetch_failed
        echo .uv/venv/bin/uv
    elif "$python" -I -m pip --version >/dev/null 2>&1; then
        "$python" -m pip install "${options[@]}" --target .uv/packages >&2 || fetch_failed
        echo .uv/packages/bin/uv
    else
        fail "make setup needs uv, and $python has neither venv nor pip to fetch it with; install uv," \
            "or on Ubuntu and Debian the package python$VERSION-venv."
    fi
}

fetch_failed() {
    rm -rf .uv/venv .uv/packages
    fail "uv could not be fetched from PyPI; pip's message stands above. Install uv and try again."
}

sync_environment() {
    local uv=$1 python cache options=(--frozen --all-extras --compile-bytecode)
    if [[ -n ${PYTHON:-} || ! -e .venv ]]; then
        python=$(find_python)
        options+=(--python "$python")
    fi
    if [[ ! -t 2 ]]; then # No progress bars, and not a line for each of the packages either.
        options+=(--quiet)
    fi
    unset VIRTUAL_ENV UV_PYTHON
    export UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never

    # The machine's certificates, as curl and git use them, serve behind a company's proxy too.
    if [[ -e /etc/ssl/certs/ca-certificates.crt || -e /etc/pki/tls/certs/ca-bundle.crt ]]; then
        export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
    fi

    cache=$("$uv" cache dir)
    if ! mkdir -p "$cache" 2>/dev/null || [[ ! -w $cache ]]; then
        cache=$PWD/.uv/cache
        mkdir -p "$cache"
        export UV_CACHE_DIR=$cache
    fi
    if ! can_link_from "$cache"; then
        export UV_LINK_MODE=copy
    fi

    if [[ -e .venv ]]; then
        echo "Bringing .venv up to date with uv.lock."
    else
        echo "Installing the packages in uv.lock into .venv: 3.5 GB, some minutes the first time."
    fi
    : >"$UNFINISHED"
    "$uv" sync "${options[@]}" || fail "make setup stopped: uv's message stands above."
    fingerprint >"$STAMP"
    rm -f "$UNFINISHED"
}

# uv links files from its cache, and warns where it cannot: on another filesystem.
can_link_from() {
    local source=$1/warmstart-link-$$ target=.uv/link-$$ linked=1
    : >"$source"
    if ln "$source" "$target" 2>/dev/null; then
        linked=0
    fi
    rm -f "$source" "$target"
    return "$linked"
}

fail() {
    echo "$*" >&2
    exit 2
}

main "$@"
