#!/usr/bin/env bash
# Checks that the oldest Rust that Cargo.toml promises builds `ottla`: the one that rustup has here, or
# else the one of Debian's archive, which `musl/cargo.sh` unpacks.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^rust-version = "\([0-9.]*\)"$/\1/p' Cargo.toml)
if [[ -z $version ]]; then
    echo "Cargo.toml does not say which Rust is the oldest" >&2
    exit 1
fi
toolchain=$(rustup toolchain list 2>/dev/null |
    awk -v v="$version" '$1 ~ "^" v "(\\.[0-9]+)?-" { print $1; exit }' || true)
if [[ -n $toolchain ]]; then
    RUSTUP_TOOLCHAIN=$toolchain cargo check --locked -p ottla
else
    # What it builds must not be mixed with what another compiler has built.
    CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/oldest-rust \
        bash .ci/musl/cargo.sh "$version" host check --locked -p ottla
fi
