#!/usr/bin/env bash
# Builds everything and measures: ottla beside other clients, on a null broker or on real Kafka.
#
#   bash benchmarks/run.sh                        the essential cases, about 15 minutes, into RESULTS.md, and in short
#                                                 into the README
#   bash benchmarks/run.sh --full --minutes 90    all cases, into RESULTS-full.md
#   bash benchmarks/run.sh --sweep                ottla over `linger` and `min_request_spacing`, 6 minutes, into SWEEP.md
#   bash benchmarks/run.sh --real-kafka           one node of real Kafka, into RESULTS-kafka.md
#   bash benchmarks/run.sh --quick                one short round, to see that everything works; no file is changed.
#                                                 With --clients ottla nothing else is built.
#
#   --rounds N       rounds that count (7)              --clients WORDS  only these, e.g. ottla,krafka
#   --minutes M      what the runs should take (15)     --cases WORDS    only these of all, e.g. produce-100B,latency
#   --unpinned       leave the processors to the kernel --output FILE    where the table goes
#
# It needs cargo and a C compiler; Go, and Java 17 with Maven, for their clients: what cannot be built is left out, and
# the table says so. CARGO_TARGET_DIR is where things are built.
set -euo pipefail
cd "$(dirname "$0")"

quick= kafka= output= clients= partial= sweep= show=
pass=()
while (($#)); do
    case $1 in
    --quick) quick=1 pass+=("$1") ;;
    --real-kafka) kafka=1 ;;
    --output) output=$2 && shift ;;
    --clients) clients=${2,,} partial=1 pass+=("$1" "$2") && shift ;;
    --cases) partial=1 pass+=("$1" "$2") && shift ;;
    --rounds | --minutes) pass+=("$1" "$2") && shift ;;
    --sweep) sweep=1 clients=ottla pass+=("$1") ;;
    --full) output=${output:-RESULTS-full.md} partial=1 pass+=("$1") ;;
    --unpinned) pass+=("$1") ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" && exit 2 ;;
    esac
    shift
done

target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target
programs=$target/release
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$programs"

missing=() versions=()
# attempt CLIENT PROGRAM COMMAND...: builds a client that may be left out.
attempt() {
    local client=$1 program=$2 log=$scratch/log
    shift 2
    if ! is_asked_for "$client"; then return 0; fi
    echo "building $program"
    if ! "$@" >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        missing+=(--missing "$program=not built: $(grep -m1 -i error "$log" | head -c 100 | tr '|\n' '  ')")
    fi
}

# Whether one of the words of --clients means it.
is_asked_for() {
    local word
    if [[ -z $clients || $1 == all ]]; then return 0; fi
    for word in ${clients//,/ }; do
        if [[ $1 == *"$word"* || $word == *"$1"* ]]; then return 0; fi
    done
    # Real Kafka's topics are made and checked with librdkafka.
    [[ -n $kafka && $1 == rdkafka ]]
}

crate_version() { awk -v name="\"$1\"" '$1 == "name" { found = $3 == name } found && $1 == "version" { gsub(/"/, "", $3); print $3; exit }' Cargo.lock; }

build() {
    echo "building the null broker, the runner and ottla"
    cargo build --release -p null-broker -p runner -p bench-ottla
    attempt rdkafka bench-rdkafka cargo build --release -p bench-rdkafka
    attempt krafka bench-krafka cargo build --release -p bench-krafka
    attempt rskafka bench-rskafka cargo build --release -p bench-rskafka
    attempt all libcount-malloc.so cc -O2 -shared -fPIC -o "$programs/libcount-malloc.so" count-malloc/count.c
    attempt franz-go bench-franz-go build_go
    attempt java java build_java
}

build_go() { (cd clients/franz-go && go build -trimpath -o "$programs/bench-franz-go" .); }

readonly JAVA_CLIENT=4.3.1
java_jars=
build_java() {
    local cached=${XDG_CACHE_HOME:-$HOME/.cache}/ottla/kafka-$JAVA_CLIENT
    java_jars=$target/java/jars
    if [[ -e $cached/kafka-clients-$JAVA_CLIENT.jar ]]; then
        java_jars=$cached
    elif [[ ! -e $java_jars/kafka-clients-$JAVA_CLIENT.jar ]]; then
        mvn -q -B -f clients/java/pom.xml dependency:copy-dependencies -DoutputDirectory="$java_jars"
    fi
    mkdir -p "$target/java/classes"
    javac -cp "$java_jars/*" -d "$target/java/classes" clients/java/Client.java
}

version() { versions+=(--version "$1"); }
look_at_versions() {
    local commit=unknown
    if commit=$(git rev-parse --short HEAD 2>/dev/null) && [[ -n $(git status --porcelain -- ..  2>/dev/null) ]]; then
        commit+=" with changes"
    fi
    version "ottla $(crate_version ottla), commit $commit; $(rustc --version)"
    version "rdkafka $(crate_version rdkafka), rdkafka-sys $(crate_version rdkafka-sys); $(cc --version | head -n 1)"
    version "krafka $(crate_version krafka), rskafka $(crate_version rskafka), tokio $(crate_version tokio)"
    if command -v go >/dev/null; then
        version "franz-go $(awk '/franz-go v/ { print $NF; exit }' clients/franz-go/go.mod), $(go version)"
    fi
    if command -v java >/dev/null; then
        version "Java client $JAVA_CLIENT, $(java -version 2>&1 | head -n 1)"
    fi
}

build
if [[ -n $quick ]]; then
    # Do the checks notice what they are for?
    cargo test --release -p null-broker -p runner
fi
look_at_versions
options=(--programs "$programs" "${missing[@]}" "${versions[@]}" "${pass[@]}")
if [[ -e $target/java/classes/Client.class && -n $java_jars ]]; then
    options+=(--class-path "$target/java/classes:$java_jars/*")
fi
if [[ -n $quick || (-n $partial && -z $output) ]]; then
    # Not for keeping, unless a name was given.
    output=${output:-$scratch/RESULTS.md}
    show=1
elif [[ -n $sweep ]]; then
    output=${output:-SWEEP.md}
elif [[ -z $kafka && -z $output ]]; then
    options+=(--readme ../README.md)
fi

if [[ -z $kafka ]]; then
    output=${output:-RESULTS.md}
    "$programs/runner" "${options[@]}" --output "$output"
else
    output=${output:-RESULTS-kafka.md}
    apart=()
    if [[ ! " ${pass[*]} " == *" --unpinned "* ]] && (($(nproc) > 1)) && command -v taskset >/dev/null; then
        apart=(taskset -c 0)
    fi
    launcher=(cargo run --quiet --manifest-path ../Cargo.toml -p ottla-integration-tests --bin kafka --)
    # The launcher is in the other workspace, and has its own folder there.
    output=$(realpath "$output")
    export RUNNER=$programs/runner
    # shellcheck disable=SC2016 # expanded by the inner shell, which knows the address
    CARGO_TARGET_DIR=$target/launcher "${apart[@]}" "${launcher[@]}" with --nodes 1 -- \
        bash -c '"$RUNNER" --kafka "$BOOTSTRAP_SERVERS" "$@"' run "${options[@]}" --output "$output"
fi
if [[ -n $show ]]; then cat "$output"; fi
