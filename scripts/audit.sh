#!/usr/bin/env bash
# Asks the advisories of PyPI whether a package in uv.lock has a known weakness; `make audit` calls it.
#
# Exit 0: none has; 1: some have, and they are listed; 2: the advisories cannot be reached.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# pip-audit is fetched for this call only: it is no part of what runs.
readonly AUDITOR=pip-audit==2.10.1

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$UV" export --quiet --frozen --all-extras --no-emit-project --output-file "$folder/locked.txt"

status=0
"$UV" tool run --quiet --from "$AUDITOR" pip-audit --requirement "$folder/locked.txt" --require-hashes \
    --disable-pip --progress-spinner off "$@" >"$folder/found" 2>"$folder/said" || status=$?
cat "$folder/found"
if grep -q '^No known vulnerabilities found' "$folder/said" || [[ $status -eq 1 && -s $folder/found ]]; then
    cat "$folder/said" >&2
    exit "$status"
fi
echo "The advisories of PyPI, or pip-audit itself, cannot be reached; try again with a network:" \
    "$(tail -n 1 "$folder/said")" >&2
exit 2
