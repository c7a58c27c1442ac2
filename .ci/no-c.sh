#!/usr/bin/env bash
# Proves that `ottla`, every feature on, compiles no C: by the names of its dependencies, by a build
# from nothing with compilers that always fail, and by what that build left behind.
set -euo pipefail
cd "$(dirname "$0")/.."

# What compiles, binds or brings C. A `-sys` crate that only declares functions of the system itself
# compiles nothing.
brings_c='^(cc|cmake|bindgen|nasm-rs|pkg-config|vcpkg|autotools|ring|aws-lc-[a-z-]*|openssl|boring|zstd|zstd-safe|lz4|rdkafka|[a-z0-9_-]+-sys)$'
declares='^(windows-sys|linux-raw-sys|js-sys|web-sys|core-foundation-sys|security-framework-sys|jni-sys)$'

names=$(cargo tree --locked -p ottla --all-features --target all --edges normal,build \
    --prefix none --format '{p}' | awk 'NF { print $1 }' | sort -u)
if ! grep -qx ottla <<<"$names"; then
    echo "the dependencies of ottla could not be listed" >&2
    exit 1
fi
if found=$(grep -E "$brings_c" <<<"$names" | grep -vE "$declares"); then
    for name in $found; do
        echo "ottla would compile or bind C through $name:" >&2
        cargo tree --locked -p ottla --all-features --target all --edges normal,build \
            --invert "$name" >&2 || true
    done
    exit 1
fi
echo "none of $(wc -l <<<"$names") crates is known to bring C"

# The names that the crate `cc` would ask before CC and CXX must not be set.
for variable in $(compgen -e); do
    case $variable in
    CC_* | CXX_* | HOST_CC | HOST_CXX | TARGET_CC | TARGET_CXX) unset "$variable" ;;
    esac
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
CC=/bin/false CXX=/bin/false CARGO_TARGET_DIR=$folder cargo build --locked -p ottla --all-features

# A build script may call a compiler by a name that CC does not change: then there are objects.
objects=$(find "$folder" -path '*/build/*/out/*' \
    \( -name '*.o' -o -name '*.a' -o -name '*.so' -o -name '*.obj' -o -name '*.lib' \))
if [[ -n $objects ]]; then
    echo "a build script compiled something that is not Rust:" >&2
    echo "$objects" >&2
    exit 1
fi
