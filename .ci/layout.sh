#!/usr/bin/env bash
# One concept per file, named by its noun: no file of more than 600 lines of code outside tests, and
# none with a name that could mean anything. Files under `generated/` may be long.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly MOST=600

bad=0
while IFS= read -r file; do
    if [[ ! -f $file ]]; then continue; fi
    case $file in
    */util.rs | */utils.rs | */common.rs | */helper.rs | */helpers.rs | */manager.rs | \
        */util/* | */utils/* | */common/* | */helper/* | */helpers/* | */manager/*)
        echo "$file: the name does not say what is in it"
        bad=1
        ;;
    esac
    case $file in
    */generated/* | */tests/* | */tests.rs) continue ;;
    esac
    # What follows the tests' module, blank lines and comments do not count.
    lines=$(awk '/^#\[cfg\(test\)\]$/ { held = 1; next }
                 held && /^mod [a-z_]+ \{/ { exit }
                 { held = 0 }
                 !/^[[:space:]]*(\/\/.*)?$/ { n++ }
                 END { print n + 0 }' "$file")
    if ((lines > MOST)); then
        echo "$file: $lines lines of code, more than $MOST: more than one concept?"
        bad=1
    fi
done < <(git ls-files --cached --others --exclude-standard -- '*.rs')
exit "$bad"
