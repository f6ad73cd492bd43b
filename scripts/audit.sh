#!/usr/bin/env bash
# Asks the advisories of PyPI whether a package in uv.lock has a known weakness; `make audit` calls it.
#
# Exit 0: none has; 1: some have, and they are listed; 2: nothing was audited, such as without a network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# pip-audit is fetched for this call only: it is no part of what runs.
readonly AUDITOR=pip-audit==2.10.1

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$UV" export --quiet --frozen --all-extras --no-emit-project --output-file "$folder/locked.txt"

status=0
# Strict: else a package that the advisories do not know counts as one without a weakness, and all of
# them do so where a mirror of PyPI has packages only.
"$UV" tool run --quiet --from "$AUDITOR" pip-audit --requirement "$folder/locked.txt" --require-hashes \
    --disable-pip --strict --progress-spinner off "$@" >"$folder/found" 2>"$folder/said" || status=$?
cat "$folder/found"
if grep -Eq '^(No known vulnerabilities found|Found [0-9]+ known vulnerabilit)' "$folder/said"; then
    cat "$folder/said" >&2
    exit "$status"
fi
echo "Nothing was audited: the advisories of PyPI cannot be reached, or do not know every package;" \
    "try again with a network ($(tail -n 1 "$folder/said"))." >&2
exit 2
