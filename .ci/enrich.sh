#!/usr/bin/env bash
# Runs the example `enrich` on the test broker.
#
#   enrich.sh whole          every check of it must hold
#   enrich.sh broken FAULT   with that fault planted its checks must fail: exit code 1, which tells
#                            a failed check from a crash (101), a signal, or a wrong argument
set -euo pipefail
cd "$(dirname "$0")/.."

enrich() { cargo run --locked --release -p ottla --example enrich -- "$@"; }

case ${1:-} in
whole) enrich ;;
broken)
    code=0
    enrich --break "$2" || code=$?
    case $code in
    1) echo "the fault \`$2\` was planted and found" ;;
    0)
        echo "the fault \`$2\` was planted, and the example found nothing" >&2
        exit 1
        ;;
    *)
        echo "with \`--break $2\` the example ended with $code; a check that fails gives 1" >&2
        exit 1
        ;;
    esac
    ;;
*)
    echo "usage: enrich.sh whole | broken FAULT" >&2
    exit 2
    ;;
esac
