#!/usr/bin/env bash
# Proves of a program that it asks for nothing of the machine it runs on: no interpreter that would
# load it, and no shared library.
set -euo pipefail
binary=$1

headers=$(readelf --wide --program-headers "$binary")
if grep -w INTERP <<<"$headers"; then
    echo "$binary asks for a program that loads it" >&2
    exit 1
fi
# One that is static has no such section, or only what it moves its own addresses by.
if readelf --wide --dynamic "$binary" | grep -w NEEDED; then
    echo "$binary asks for shared libraries" >&2
    exit 1
fi
echo "static: $(readelf --file-header "$binary" | sed -n 's/^ *\(Type\|Machine\): *//p' | paste -sd' '), $(stat -c %s "$binary") bytes"
