#!/usr/bin/env bash
# Runs a static binary, one of another machine by qemu, which is unpacked and not installed:
#
#   run.sh x86_64|aarch64 BINARY [ARGUMENT...]
set -euo pipefail
# shellcheck source=archive.sh
. "$(dirname "$0")/archive.sh"
machine=$1
shift
if [[ $machine == "$(uname -m)" ]]; then exec "$@"; fi

qemu=$PREFIX/qemu
alone
if [[ ! -e $qemu/done ]]; then
    open_archive
    unpack "$qemu" qemu-user-static
    touch "$qemu/done"
fi
exec {LOCK}>&-
unset APT_CONFIG
exec "$qemu/usr/bin/qemu-$machine-static" "$@"
