#!/usr/bin/env bash
# Lints the crates that have features without any, and `protocol` with each one alone; those of
# `ottla` only pass on to it. Tests of `ottla` use the test broker, which asks for all codecs, so there
# only the library says what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

lint() {
    echo "cargo clippy --no-default-features $*"
    cargo clippy --quiet --locked --no-default-features "$@" -- -D warnings
}

lint -p ottla-protocol --all-targets
for feature in gzip snappy lz4 zstd broker admin arbitrary; do
    lint -p ottla-protocol --lib --features "$feature"
done
lint -p ottla --lib
