#!/usr/bin/env bash
# Plants each stored bug in a copy of the project and says whether its test notices.
#
#   bash producer/planted/run.sh             all of them
#   bash producer/planted/run.sh WORD...     those with one of these words in their name
#   bash producer/planted/run.sh --applies   only whether they still apply, without building anything
#   bash producer/planted/run.sh --list      the table of what is tested where, as Markdown
#
# A patch begins with what it is for, one `Name: value` a line:
#
#   Row: 1a Message TTL                        a row of the features, or a KIP; any number of lines
#   Test: -p ottla-producer ttl::expires       what `cargo test` is given; the bug must make it fail.
#                                              Of several such lines each is a test of its own
#   Breaks: records are drained although they have expired
#
# The bug is noticed if the test builds, runs, and fails, hanging included (LIMIT seconds, 120). The
# copy is of what is committed. CARGO_TARGET_DIR is where it is built (target/planted).
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly LIMIT=${LIMIT:-120}
patches=producer/planted

field() { sed -n '/^diff --git/q; s/^'"$1"': //p' "$2"; }

if [[ ${1:-} == --list ]]; then
    echo '| what | test | what is broken to see it fail |'
    echo '|---|---|---|'
    for patch in "$patches"/*.patch; do
        printf '| %s | `%s` | %s |\n' "$(field Row "$patch" | paste -sd';' | sed 's/;/; /g')" \
            "$(field Test "$patch" | paste -sd';' | sed 's/;/`; `/g')" "$(field Breaks "$patch" | paste -sd' ')"
    done
    exit
fi

applies=
if [[ ${1:-} == --applies ]]; then applies=1 && shift; fi

wanted() {
    local word
    if (($# == 1)); then return 0; fi
    for word in "${@:2}"; do
        if [[ $1 == *"$word"* ]]; then return 0; fi
    done
    return 1
}

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/planted} CARGO_TERM_COLOR=never
root=$PWD
mkdir -p target
scratch=$(mktemp -d "$PWD/target/planted.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/copy"
git archive HEAD | tar -x -C "$scratch/copy"
cd "$scratch/copy"
# A patch is to find the copy, not the repository around it.
export GIT_CEILING_DIRECTORIES=$scratch

# Puts the files of a patch back. They get the present time, or cargo would take what it built of the
# patched ones for what is there.
restore() {
    git apply --numstat "$1" | cut -f3 | while IFS= read -r file; do
        git -C "$root" show "HEAD:$file" >"$file" 2>/dev/null || rm -f "$file"
    done
}

# notices TEST...: whether a test fails; says why that is nothing worth, if it is not.
notices() {
    local log=$scratch/log code=0
    if ! cargo test --locked --no-run "$@" >"$log" 2>&1; then
        verdict="does not build: $(grep -m1 '^error' "$log" || true)"
        return
    fi
    timeout --kill-after=5 "$LIMIT" cargo test --locked "$@" >"$log" 2>&1 || code=$?
    if ! grep -q '^running [1-9]' "$log"; then
        verdict="no test is named so: $*"
    elif ((code == 0)); then
        verdict="NOT NOTICED by $*"
    fi
}

noticed=0 failed=()
for patch in "$root/$patches"/*.patch; do
    name=$(basename "$patch" .patch) verdict=
    if ! wanted "$name" "$@"; then continue; fi
    if [[ -z $(field Test "$patch") || -z $(field Row "$patch") || -z $(field Breaks "$patch") ]]; then
        verdict="its head lacks Row, Test or Breaks"
    elif ! git apply --recount -C1 "$patch" 2>"$scratch/log"; then
        verdict="does not apply: $(head -n 1 "$scratch/log")"
    else
        if [[ -z $applies ]]; then
            while read -ra test; do
                if [[ -z $verdict ]]; then notices "${test[@]}" </dev/null; fi
            done < <(field Test "$patch")
        fi
        restore "$patch"
    fi
    if [[ -z $verdict ]]; then
        noticed=$((noticed + 1))
        if [[ -z $applies ]]; then echo "noticed       $name"; fi
    else
        failed+=("$name")
        echo "FAILED        $name: $verdict"
    fi
done
echo "$noticed well, ${#failed[@]} not: ${failed[*]:-}"
[[ ${#failed[@]} -eq 0 ]]
