#!/usr/bin/env bash
# Fuzzes for a while, two targets at a time.
#
#   bash fuzz/run.sh [SECONDS_IN_ALL] [TARGET...]
#
# SECONDS_IN_ALL (600 if not given) are shared evenly by the targets (all if none is named), so the
# wall time is half of them. What a target begins with is its corpus, fuzz/corpus/TARGET.pack, and
# seeds made from valid messages; what it finds stays in fuzz/found/, which git ignores, for the next
# run.
#
#   FUZZ_MINIMISE=1 bash fuzz/run.sh 0    puts the smallest set of inputs that reaches all the code
#                                         reached so far into fuzz/corpus/, to be committed
#
# A crash, a hang or too much memory ends that target and fails the run; the input is kept in
# fuzz/artifacts/ and the way to try it again is printed. It needs stable Rust and a C++ compiler,
# which libFuzzer itself is built with.
set -euo pipefail
cd "$(dirname "$0")"

readonly SECONDS_IN_ALL=${1:-600}
shift || true
readonly AT_ONCE=2
readonly LONGEST_INPUT=8192
readonly RSS_MB=512
readonly ONE_INPUT_SECONDS=5

mapfile -t all < <(sed -n 's/^name = "\([a-z0-9_]*\)"$/\1/p' Cargo.toml | grep -vx -e ottla-fuzz -e seeds)
targets=("$@")
if ((${#targets[@]} == 0)); then targets=("${all[@]}"); fi
for target in "${targets[@]}"; do
    if [[ " ${all[*]} " != *" $target "* ]]; then
        echo "no target is called $target; there are: ${all[*]}" >&2
        exit 2
    fi
done

# Coverage feedback by the compiler's own pass, which stable Rust has too. Only what is built for
# the target gets it: build scripts and macros have nobody to report to.
host=$(rustc -vV | sed -n 's/^host: //p')
passes=(-sanitizer-coverage-level=4 -sanitizer-coverage-inline-8bit-counters
    -sanitizer-coverage-pc-table -sanitizer-coverage-trace-compares)
flags="--cfg fuzzing -Cpasses=sancov-module"
for pass in "${passes[@]}"; do flags+=" -Cllvm-args=$pass"; done
export CARGO_INCREMENTAL=0
target_dir=${CARGO_TARGET_DIR:-$PWD/target}
echo "==== building"
RUSTFLAGS=$flags cargo build --quiet --release --target "$host" --bins \
    --target-dir "$target_dir"
binaries="$target_dir/$host/release"

scratch=$(mktemp -d)
children=()
clean_up() {
    local child
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    wait || true
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# Valid messages of every API at every version, and what else a target should know of.
SEEDS="$scratch/seeds" "$binaries/seeds" -runs=0 2>"$scratch/seeds.log" || {
    cat "$scratch/seeds.log" >&2
    exit 1
}

# fuzz TARGET SECONDS: one target, its log in the scratch folder.
fuzz() {
    local target=$1 seconds=$2
    mkdir -p "found/$target" "artifacts/$target" "$scratch/seeds/$target"
    "$binaries/$target" -max_total_time="$seconds" -max_len=$LONGEST_INPUT \
        -rss_limit_mb=$RSS_MB -timeout=$ONE_INPUT_SECONDS -print_final_stats=1 \
        -artifact_prefix="artifacts/$target/" \
        "found/$target" "$scratch/seeds/$target" >"$scratch/$target.log" 2>&1
}

# figure TARGET NAME: a number of the last line of progress, such as `cov: 812`.
figure() {
    grep -o "$2 *:\? *[0-9]*" "$scratch/$1.log" | tail -1 | grep -o '[0-9]*$' || true
}

if [[ ${FUZZ_MINIMISE:-} == 1 ]]; then
    for target in "${targets[@]}"; do
        mkdir -p "$scratch/kept/$target" "found/$target" "$scratch/seeds/$target"
        # How often code is reached, and with what it compares, is the fuzzer's business alone.
        "$binaries/$target" -merge=1 -use_counters=0 -use_cmp=0 -max_len=$LONGEST_INPUT \
            "$scratch/kept/$target" "$scratch/seeds/$target" "found/$target" \
            >"$scratch/$target.log" 2>&1
    done
    PACK="$scratch/kept" "$binaries/seeds" -runs=0 2>/dev/null
    exit 0
fi

each=$((SECONDS_IN_ALL / ${#targets[@]}))
if ((each < 1)); then each=1; fi
echo "==== ${#targets[@]} targets for $each s each, $AT_ONCE at a time"

failed=()
declare -A running=()
# reap: waits for a target to end, showing what the others are at.
reap() {
    local pid code=0 name
    wait -n -p pid || code=$?
    name=${running[$pid]}
    unset "running[$pid]"
    printf '%-20s %12s runs  %7s cov  %8s/s  %s\n' "$name" \
        "$(figure "$name" stat::number_of_executed_units)" "$(figure "$name" cov)" \
        "$(figure "$name" stat::average_exec_per_sec)" "$( ((code == 0)) && echo ok || echo FAILED)"
    if ((code != 0)); then failed+=("$name"); fi
}
for target in "${targets[@]}"; do
    while ((${#running[@]} >= AT_ONCE)); do reap; done
    echo "     $target begins"
    fuzz "$target" "$each" &
    running[$!]=$target
    children+=("$!")
done
while ((${#running[@]} > 0)); do reap; done

echo
printf '%-20s %12s %8s %8s %8s\n' target runs cov inputs 'runs/s'
total=0
for target in "${targets[@]}"; do
    runs=$(figure "$target" stat::number_of_executed_units)
    total=$((total + ${runs:-0}))
    printf '%-20s %12s %8s %8s %8s\n' "$target" "${runs:-?}" "$(figure "$target" cov)" \
        "$(figure "$target" corp)" "$(figure "$target" stat::average_exec_per_sec)"
done
echo "$total runs in all"

for target in "${failed[@]}"; do
    echo
    echo "==== $target FAILED"
    grep -v '^#[0-9]' "$scratch/$target.log" | tail -40
    artifact=$(sed -n 's/.*Test unit written to //p' "$scratch/$target.log" | tail -1)
    echo "to try it again: $binaries/$target fuzz/${artifact:-artifacts/$target/...}"
done
((${#failed[@]} == 0))
