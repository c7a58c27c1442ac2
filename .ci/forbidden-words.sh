#!/usr/bin/env bash
# Finds what belongs to one machine and not to the project: folders of a person or a build machine,
# and hosts to fetch packages from. (Each pattern is written so that it does not find itself.)
set -euo pipefail
cd "$(dirname "$0")/.."

patterns=(
    # Absolute paths; a slash in front of a word within a path is no matter.
    '(^|[^[:alnum:]_.~})-])/([w]ork|[r]oot|[U]sers|[h]ome/[[:alnum:]_-]+)(/|$)'
    # What lies beside a checkout is not there for others.
    '\.\./([s]hared)/'
    # Where packages come from is each user's own setting.
    '[i]ndex\.crates\.io|[s]tatic\.crates\.io|[r]epo1?\.maven\.(org|apache)|[m]aven-central\.'
)

found=0
for pattern in "${patterns[@]}"; do
    # Files that are not committed yet count too; binary files do not.
    if git grep --untracked -nIE -e "$pattern" -- . ':!Cargo.lock' ':!**/Cargo.lock'; then found=1; fi
done

# A lock file may only name the public registry, by the name that every cargo knows.
registry='source = "registry+https://github.com/rust-lang/crates.io-index"'
while IFS= read -r lock; do
    if grep -Hn '^source = ' "$lock" | grep -vF "$registry"; then found=1; fi
done < <(git ls-files --cached --others --exclude-standard -- 'Cargo.lock' '**/Cargo.lock')

if ((found)); then
    echo "the lines above name a machine's folders or a registry's host" >&2
    exit 1
fi
