#!/usr/bin/env bash
# Checks that the oldest Rust that Cargo.toml promises builds `ottla`, if rustup has that Rust here.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^rust-version = "\([0-9.]*\)"$/\1/p' Cargo.toml)
if [[ -z $version ]]; then
    echo "Cargo.toml does not say which Rust is the oldest" >&2
    exit 1
fi
toolchain=$(rustup toolchain list 2>/dev/null |
    awk -v v="$version" '$1 ~ "^" v "(\\.[0-9]+)?-" { print $1; exit }' || true)
if [[ -z $toolchain ]]; then
    echo "Rust $version is not installed, so this is not checked here"
    echo "(rustup toolchain install $version --profile minimal)"
    exit 77
fi
RUSTUP_TOOLCHAIN=$toolchain cargo check --locked -p ottla
