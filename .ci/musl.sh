#!/usr/bin/env bash
# Builds static binaries of the example `enrich` without a C compiler, proves that they are static,
# runs them, and compares their size, and how many crates `ottla` is, with `.ci/sizes.txt`.
#
#   musl.sh             everything
#   musl.sh --update    the same, and writes what it found into `.ci/sizes.txt`
#
# x86-64 with the oldest Rust and the default features, and with the newest and all features; aarch64
# with the newest and all features, run by qemu, which is unpacked and not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

update=no
case ${1:-} in
'') ;;
--update) update=yes ;;
*)
    sed -n '2,/^set/{ s/^# \{0,1\}//; /^set/d; p }' "$0" >&2
    exit 2
    ;;
esac

oldest=$(sed -n 's/^rust-version = "\([0-9.]*\)"$/\1/p' Cargo.toml)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
targets=${CARGO_TARGET_DIR:-$PWD/target}
found=$scratch/sizes
bash .ci/sizes.sh count >"$found"

# static RUST TARGET FEATURES RECORDS [ARGUMENT...]: builds, proves, runs and weighs one binary.
static() {
    local rust=$1 target=$2 features=$3 records=$4 binary version
    shift 4
    printf '\n-- %s, Rust %s, %s features\n' "$target" "$rust" "$features"
    # Each compiler has a folder of its own, so that none builds again what another one has built.
    CARGO_TARGET_DIR=$targets/musl-$rust bash .ci/musl/cargo.sh "$rust" "$target" build --locked --quiet \
        --release --config 'profile.release.strip="symbols"' -p ottla --example enrich "$@"
    binary=$targets/musl-$rust/$target-unknown-linux-musl/release/examples/enrich
    bash .ci/musl/prove-static.sh "$binary"
    env -u BOOTSTRAP_SERVERS bash .ci/musl/run.sh "$target" "$binary" --records "$records"
    version=$(bash .ci/musl/cargo.sh "$rust" host version)
    printf 'bytes %s rust-%s %s-features %s\n' "$target" "$version" "$features" \
        "$(stat -c %s "$binary")" >>"$found"
}

static "$oldest" x86_64 default 100000
static newest x86_64 all 100000 --all-features
static newest aarch64 all 5000 --all-features

echo
if [[ $update == yes ]]; then
    bash .ci/sizes.sh write "$found"
else
    bash .ci/sizes.sh compare "$found"
fi
