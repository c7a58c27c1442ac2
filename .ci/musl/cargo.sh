#!/usr/bin/env bash
# Runs cargo for static binaries, with a compiler and a C library from Debian's archive alone:
#
#   cargo.sh RUST TARGET COMMAND [ARGUMENT...]
#
# RUST is a version (1.85) or `newest`; TARGET is x86_64 or aarch64 for static binaries with musl, or
# `host` for this machine's own. The command `version` says which one `newest` is.
#
# Needs cargo with rust-lld and rust-objcopy (rustup brings them),
# apt-get and dpkg-deb, and a C library no older than glibc 2.36. Nothing is installed: all lies in the
# cache folder of the user, about 1 GB, and is made when first asked for.
#
# No C compiler can be called: the linker of build scripts is ours, and whatever has a compiler's name
# fails. The exit code is cargo's; 3 if cargo was content but something called one; 77 where the
# archive or the tools are not to be had.
set -euo pipefail
if (($# < 3)); then
    sed -n '2,/^set/{ s/^# \{0,1\}//; /^set/d; p }' "$0" >&2
    exit 2
fi

HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=archive.sh
. "$HERE/archive.sh"
# shellcheck source=toolchain.sh
. "$HERE/toolchain.sh"

# What the caller has set for other builds is not meant for these.
unset RUSTC RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTUP_TOOLCHAIN \
    CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CARGO_BUILD_RUSTFLAGS CARGO_BUILD_RUSTC_WRAPPER
rust=$1 architecture=$2 command=$3
shift 3
target=$architecture-unknown-linux-musl
if [[ $architecture == host ]]; then target=x86_64-unknown-linux-gnu; fi

find_tools
C_CALLS=$(mktemp)
trap 'rm -f "$C_CALLS"' EXIT
export C_CALLS
alone
find_version "$rust"
if [[ $command == version ]]; then
    echo "$VERSION"
    exit
fi
prepare_compiler "$VERSION"
prepare_host
export CC=false CXX=false AR=false HOST_CC=false TARGET_CC=false PATH=$REFUSALS:$PATH
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=$HERE/host-linker.sh
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=$TOOLS/rust-lld
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=$TOOLS/rust-lld
if [[ $architecture != host ]]; then prepare_target "$VERSION" "$architecture"; fi
exec {LOCK}>&-
unset APT_CONFIG

# From here on only what a stable compiler allows.
echo "cargo $command --target $target $* ($("$RUSTC" --version))"
code=0
RUSTC=$RUSTC "$CARGO" "$command" --target "$target" "$@" || code=$?
if [[ -s $C_CALLS ]]; then
    echo "compilers of C were called, and refused:" >&2
    cat "$C_CALLS" >&2
    if ((code == 0)); then code=3; fi
fi
exit "$code"
