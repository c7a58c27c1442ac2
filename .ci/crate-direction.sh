#!/usr/bin/env bash
# Dependencies point one way:
#
#   protocol <- client <- {producer, consumer-group} <- processor <- ottla
#   protocol <- test-broker
#
# Counted are normal and build dependencies, of every feature and every platform. Tests may use what
# they like: dev-dependencies do not count.
set -euo pipefail
cd "$(dirname "$0")/.."

# may_use CRATE: the crates of this workspace that it may depend on. A new crate gets its line here.
may_use() {
    local core="ottla-protocol ottla-client"
    case $1 in
    ottla-protocol) ;;
    ottla-client | ottla-test-broker) echo "ottla-protocol" ;;
    ottla-producer | ottla-consumer-group) echo "$core" ;;
    ottla-processor) echo "$core ottla-producer ottla-consumer-group" ;;
    ottla) echo "$core ottla-producer ottla-consumer-group ottla-processor" ;;
    # Its program `faults` and its tests alone; see below.
    ottla-integration-tests) echo "ottla ottla-protocol" ;;
    *) return 1 ;;
    esac
}

tree() { cargo tree --locked --all-features --target all --edges normal,build --prefix none "$@"; }

members=$(tree --workspace --depth 0 --format '{p}' | awk 'NF { print $1 }' | sort -u)
if [[ $(wc -w <<<"$members") -lt 8 ]]; then
    echo "only these crates were found: $members" >&2
    exit 1
fi

bad=0
for crate in $members; do
    if ! allowed=$(may_use "$crate"); then
        echo "$crate has no place in .ci/crate-direction.sh yet: say what it may use"
        bad=1
        continue
    fi
    used=$(tree --package "$crate" --depth 1 --format '{p}' | awk 'NF { print $1 }' | sort -u)
    for other in $used; do
        if [[ $other == "$crate" ]] || ! grep -qxF "$other" <<<"$members"; then continue; fi
        if [[ " $allowed " != *" $other "* ]]; then
            echo "$crate uses $other; it may use: ${allowed:-no other crate of this workspace}"
            bad=1
        fi
    done
    echo "$crate uses: $(grep -xF "$members" <<<"$used" | grep -vxF "$crate" | paste -sd' ' || true)"
done

# The launcher of real Kafka and the checker of histories must not share the bugs that they help to
# find. What their crate uses of ottla is optional, and only the program `faults` may name it.
while IFS= read -r file; do
    if sed -E '/^[[:space:]]*\/\//d' "$file" | grep -qE '\bottla(_protocol)?::'; then
        echo "$file uses ottla, and must not"
        bad=1
    fi
done < <(find integration-tests/src -name '*.rs' -not -path 'integration-tests/src/bin/faults/*')

# The wire format does no I/O: whoever reads it can test it with nothing but bytes.
if tree --package ottla-protocol --format '{p}' | grep -E '^(tokio|mio|socket2|futures-util) '; then
    echo "ottla-protocol has the crates above below it, and must not do I/O"
    bad=1
fi
exit "$bad"
