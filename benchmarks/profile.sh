#!/usr/bin/env bash
# Profiles ottla's produce and consume paths on the null broker with perf, and prints the functions that cost most.
#
#   bash benchmarks/profile.sh [FOLDER]     the recordings stay in FOLDER, if one is given
#
# It needs `perf` and the right to record one's own processes (user and kernel, if kernel.perf_event_paranoid allows it).
# What came of it is in PROFILE.md.
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
folder=${1:-$scratch}
mkdir -p "$folder"

if ! command -v perf >/dev/null; then
    echo "profile.sh: perf is not installed" >&2
    exit 1
fi
cargo build --release -p null-broker -p bench-ottla

on_broker=() on_client=()
if (($(nproc) > 1)) && command -v taskset >/dev/null; then
    on_broker=(taskset -c 0) on_client=(taskset -c 1)
fi

# profile NAME BROKER-ARGUMENTS CLIENT-ARGUMENTS...
profile() {
    local name=$1 broker_arguments=$2 address= attempt
    shift 2
    mkfifo "$scratch/$name"
    # shellcheck disable=SC2086 # several arguments
    "${on_broker[@]}" "$programs/null-broker" $broker_arguments <"$scratch/$name" >"$scratch/$name.broker" &
    broker=$!
    exec 9>"$scratch/$name"
    for attempt in {1..100}; do
        address=$(awk '/^listening/ { print $2 }' "$scratch/$name.broker")
        if [[ -n $address ]]; then break; fi
        sleep 0.05
    done
    # The clock of the processor: it works in virtual machines, where its counters often do not.
    "${on_client[@]}" perf record --quiet -e cpu-clock -F 4999 -o "$folder/$name.data" -- \
        "$programs/bench-ottla" "$@" --bootstrap "$address" >"$scratch/$name.result"
    exec 9>&-
    wait "$broker"
    broker=
    printf '\n== %s\n' "$name"
    sed 's/,"peak.*//' "$scratch/$name.result"
    perf report -i "$folder/$name.data" --stdio --no-children -s symbol 2>/dev/null |
        sed 's/ *- *- *$//' | grep -v -e '^#' -e '^ *$' >"$scratch/$name.symbols"
    echo "-- by what it is for"
    by_purpose "$scratch/$name.symbols"
    echo "-- by function"
    head -n 20 "$scratch/$name.symbols"
}

# Which function belongs to what. The first that fits counts.
by_purpose() {
    awk '
        { share = $1 + 0 }
        /\[k\]/ { sum["kernel: sockets, copies, interrupts"] += share; next }
        /clock_gettime|producer::now|SystemTime|Timespec|Instant/ { sum["reading the clock"] += share; next }
        /crc32c/ { sum["checksum"] += share; next }
        /bench_ottla/ { sum["the program itself, with what was inlined into it"] += share; next }
        /OutcomeCell|Delivery|cell::State|SendError/ { sum["deliveries: awaiting and settling"] += share; next }
        /append|layout|record_len|memmove|Sticky|sticky|Budget|refusal|builder/ { sum["append: partition, lock, encode, copy"] += share; next }
        /RecordCursor|record_iter/ { sum["decoding records"] += share; next }
        /malloc|free|unlink_chunk|realloc/ { sum["allocator"] += share; next }
        { sum["everything else"] += share }
        END { for (purpose in sum) printf "%6.1f %%  %s\n", sum[purpose], purpose }' "$1" | sort -rn
}

profile produce-100B-12p "--partitions 12" produce --records 8000000 --partitions 12 --warm 300000
profile produce-1024B-12p "--partitions 12" produce --value-size 1024 --records 4000000 --partitions 12 --warm 300000
profile consume-100B-12p "--partitions 12 --batch-records 148 --end-offset 1480000" \
    consume --records 17760000 --partitions 12
profile consume-1024B-12p "--partitions 12 --value-size 1024 --batch-records 15 --end-offset 150000" \
    consume --value-size 1024 --records 1800000 --partitions 12
