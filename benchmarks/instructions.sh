#!/usr/bin/env bash
# How many instructions of the client's a record takes: counted by valgrind, and so the same however busy the machine is.
#
#   bash benchmarks/instructions.sh [OLD-PROGRAM]    also of another bench-ottla, to compare with
#
# What is quoted is the difference between a run of 400,000 records and one of 200,000, so that starting does not count.
# valgrind does not run the kernel: what goes on there is not in it. It emulates older vector instructions, with which
# copies and checksums take more of them.
set -euo pipefail
cd "$(dirname "$0")"

target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target
programs=$target/release
scratch=$(mktemp -d)
broker=
clean_up() {
    if [[ -n $broker ]]; then kill "$broker" 2>/dev/null || true; fi
    rm -rf "$scratch"
}
trap clean_up EXIT

if ! command -v valgrind >/dev/null; then
    echo "instructions.sh: valgrind is not installed" >&2
    exit 1
fi
cargo build --release -p null-broker -p bench-ottla

# counted PROGRAM RECORDS ARGUMENTS...: sets `instructions`.
counted() {
    local program=$1 records=$2 address=
    shift 2
    rm -f "$scratch/input"
    mkfifo "$scratch/input"
    "$programs/null-broker" --partitions 12 <"$scratch/input" >"$scratch/broker" &
    broker=$!
    exec 9>"$scratch/input"
    while [[ -z $address ]]; do
        sleep 0.05
        address=$(awk '/^listening/ { print $2 }' "$scratch/broker")
    done
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$scratch/log" "$program" produce \
        --bootstrap "$address" --partitions 12 --warm 20000 --records "$records" "$@" >"$scratch/result"
    exec 9>&-
    wait "$broker"
    broker=
    instructions=$(awk '/Collected/ { print $NF }' "$scratch/log")
}

for program in "$programs/bench-ottla" "$@"; do
    for size in 100 1024; do
        counted "$program" 200000 --value-size "$size"
        few=$instructions
        counted "$program" 400000 --value-size "$size"
        echo "$program: $(((instructions - few) / 200000)) instructions for a record of $size B, 12 partitions"
    done
done
