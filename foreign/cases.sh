#!/usr/bin/env bash
# Runs the cases of foreign clients, all clients at the same time, on the cluster of BOOTSTRAP_SERVERS.
# `run.sh` prepares what it needs in FOREIGN_SCRATCH and starts it: cases.sh BROKER CLIENT...
set -euo pipefail
cd "$(dirname "$0")"
broker=$1
shift
read -ra words <<<"${CASES:-}"

librdkafka() {
    exec "$FOREIGN_SCRATCH/venv/bin/python" librdkafka/cases.py "$@"
}

franz_go() {
    exec "$FOREIGN_SCRATCH/cases" "$@"
}

java() {
    exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
        -cp "$FOREIGN_SCRATCH/java:$FOREIGN_SCRATCH/jars/*" Cases "$@"
}

jobs=()
end() {
    kill "${jobs[@]}" 2>/dev/null || true
    wait
}
trap end EXIT
trap 'exit 130' INT TERM HUP
for client in "$@"; do
    "${client//-/_}" "$broker" "$BOOTSTRAP_SERVERS" "${words[@]}" 2>"$FOREIGN_SCRATCH/$broker-$client.log" &
    jobs+=($!)
done
failed=0
for client in "$@"; do
    code=0
    wait "${jobs[0]}" || code=$?
    jobs=("${jobs[@]:1}")
    if ((code != 0)); then
        failed=1
        echo "== $client on $broker: exit code $code; the end of what it said:" >&2
        tail -n 40 "$FOREIGN_SCRATCH/$broker-$client.log" >&2
    fi
done
exit "$failed"
