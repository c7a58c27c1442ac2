#!/usr/bin/env bash
# Says which tools there are, and installs those that the gate needs: parts of the Rust toolchain by
# rustup; on Debian, as root, a linker, Java and Maven.
set -euo pipefail

has() { command -v "$1" >/dev/null; }

packages=()
if ! has cc; then packages+=(gcc libc6-dev); fi
if ! has git; then packages+=(git); fi
if ! has mvn; then packages+=(maven); fi
if ! has java || ! has javac; then
    packages+=(jdk)
fi

if [[ ${#packages[@]} -gt 0 ]]; then
    if ! has apt-get || [[ $(id -u) -ne 0 ]]; then
        echo "missing: ${packages[*]}; please install what provides them" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    if [[ " ${packages[*]} " == *" jdk "* ]]; then
        # Which Java there is depends on the age of the system; Kafka asks for 17 or newer.
        jdk=default-jdk-headless
        if apt-cache show openjdk-17-jdk-headless >/dev/null 2>&1; then
            jdk=openjdk-17-jdk-headless
        fi
        packages=("${packages[@]/#jdk/$jdk}")
    fi
    apt-get install -qq -y --no-install-recommends "${packages[@]}"
fi

if ! cargo fmt --version >/dev/null 2>&1; then rustup component add rustfmt; fi
if ! cargo clippy --version >/dev/null 2>&1; then rustup component add clippy; fi

cargo --version
cargo clippy --version
# The first line of each; `sed` reads to the end, so that nobody writes into a closed pipe.
java -version 2>&1 | sed -n 1p
mvn -Dstyle.color=never --version | sed -n 1p
