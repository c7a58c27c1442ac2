#!/usr/bin/env bash
# Compares what `ottla` costs with what `.ci/sizes.txt` says, so that a change that makes it larger
# says so itself.
#
#   sizes.sh count           prints how many crates `ottla` is built from
#   sizes.sh compare FOUND   compares such lines, and the sizes of binaries, with the file
#   sizes.sh write FOUND     writes them into the file
#
# The number of crates must be the same; a size may differ by three in a hundred, which is what small
# changes make up together before somebody looks. A size by another compiler than that of the file is
# only told.
set -euo pipefail
shopt -s extglob
cd "$(dirname "$0")/.."
readonly FILE=.ci/sizes.txt
readonly UPDATE="bash .ci/musl.sh --update"
readonly TOLERANCE=3

crates() { # ARGUMENT...: of the library as it is built for a static binary, without those for tests
    cargo tree --locked -p ottla --edges normal,build --target x86_64-unknown-linux-musl \
        --prefix none --format '{p}' "$@" | awk 'NF { print $1, $2 }' | sort -u | wc -l
}

# value NAME FILE: what a line says that begins like that.
value() { sed -n "s/^$1 \([0-9][0-9]*\)\$/\1/p" "$2"; }

case ${1:-} in
count)
    echo "crates default-features $(crates)"
    echo "crates all-features $(crates --all-features)"
    ;;
write)
    {
        echo "# What ottla costs: crates it is built from, and bytes of the static example \`enrich\`, stripped."
        echo "# Written by \`$UPDATE\`; compared by .ci/sizes.sh."
        cat "$2"
    } >"$FILE"
    cat "$FILE"
    ;;
compare)
    wrong=0
    while read -r line; do
        name=${line% *} now=${line##* }
        before=$(value "$name" "$FILE")
        if [[ -z $before ]]; then
            if [[ $name == crates* || $(value "${name/rust-+([0-9.])/rust-.*}" "$FILE") == '' ]]; then
                echo "$name: $now, and $FILE does not say how many" && wrong=1
            else
                echo "$name: $now, by a compiler that $FILE does not know yet"
            fi
        elif [[ $name == crates* ]] && ((now != before)); then
            echo "$name: $now, no longer $before" && wrong=1
        elif ((now * 100 > before * (100 + TOLERANCE) || now * 100 < before * (100 - TOLERANCE))); then
            echo "$name: $now, more than $TOLERANCE % away from $before" && wrong=1
        else
            echo "$name: $now ($FILE: $before)"
        fi
    done <"$2"
    if ((wrong)); then
        echo "if this is meant to be, update it: $UPDATE" >&2
        exit 1
    fi
    ;;
*)
    sed -n '2,/^set/{ s/^# \{0,1\}//; /^set/d; p }' "$0" >&2
    exit 2
    ;;
esac
