#!/bin/sh
# Stands in for every C compiler, assembler and build tool of C: notes who called, and fails.
echo "${0##*/} $*" >>"${C_CALLS:-/dev/null}"
echo "a build called ${0##*/}, and C is not compiled here: $*" >&2
exit 1
