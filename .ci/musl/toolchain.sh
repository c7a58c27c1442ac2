# Sourced: compilers and the parts of static binaries, unpacked and built under $PREFIX when first
# asked for. Whatever is whole has a file `done`, so that a run that was cut short is made up for.
# shellcheck shell=bash

# The machine's own toolchain gives cargo, the linker and objcopy; compilers come from the archive.
find_tools() {
    local sysroot
    sysroot=$(cd / && env -u RUSTC rustc --print sysroot)
    CARGO=$sysroot/bin/cargo
    if [[ ! -x $CARGO ]]; then CARGO=$(command -v cargo); fi
    TOOLS=$sysroot/lib/rustlib/x86_64-unknown-linux-gnu/bin
    TOOLS_LIBRARIES=$sysroot/lib
    if [[ ! -x $TOOLS/rust-lld || ! -x $TOOLS/rust-objcopy ]]; then
        cannot "this machine's Rust has no rust-lld and rust-objcopy for x86-64"
    fi
}

# find_version RUST: sets VERSION to what `RUST` means: `newest` is what the archive has now, asked
# once a week; anything else is a version, such as 1.85.
find_version() {
    VERSION=$1
    if [[ $1 != newest ]]; then return; fi
    local known=$PREFIX/newest
    if [[ ! -s $known || -n $(find "$known" -mtime +7) ]]; then
        open_archive
        newest_version rustc-web | cut -d. -f1,2 >"$known"
    fi
    VERSION=$(<"$known")
}

# prepare_compiler VERSION: sets RUSTC_FOLDER, and RUSTC to what runs the compiler in it.
prepare_compiler() {
    RUSTC_FOLDER=$PREFIX/rust-$1
    RUSTC=$RUSTC_FOLDER/rustc
    if [[ -e $RUSTC_FOLDER/done ]]; then return; fi
    open_archive
    local version llvm
    version=$(newest_version rustc-web "$1.")
    if [[ -z $version ]]; then
        echo "the archive has no Rust $1, but: $(newest_version rustc-web)" >&2
        exit 1
    fi
    llvm=$(apt-cache show "libstd-rust-web-$1=$version" | grep -oE 'libllvm[0-9]+' | sort -u | tail -n 1)
    echo "unpacking Rust $version and $llvm"
    # The small libraries are what LLVM needs to run; they lie beside it.
    unpack "$RUSTC_FOLDER" "rustc-web=$version" "rust-web-src=$version" \
        "libstd-rust-web-dev=$version" "libstd-rust-web-$1=$version" \
        "$llvm" libedit2 libz3-4 libbsd0 libmd0 libxml2 libicu72
    cat >"$RUSTC" <<END
#!/bin/sh
export LD_LIBRARY_PATH=$RUSTC_FOLDER/usr/lib/x86_64-linux-gnu:$RUSTC_FOLDER/lib/x86_64-linux-gnu
exec $RUSTC_FOLDER/usr/bin/rustc "\$@"
END
    # The standard library is built with this: its crate for aborts must abort.
    cat >"$RUSTC-for-std" <<END
#!/bin/sh
case " \$* " in
*' --crate-name panic_abort '*) set -- "\$@" -Cpanic=abort ;;
esac
exec $RUSTC "\$@"
END
    chmod +x "$RUSTC" "$RUSTC-for-std"
    touch "$RUSTC_FOLDER/done"
}

# prepare_host: the start files of this machine's C library, for the linker of build scripts, and what
# stands in for compilers of C. Sets HOST_START, HOST_LINKER and REFUSALS.
prepare_host() {
    export HOST_START=$PREFIX/host HOST_LINKER=$TOOLS/rust-lld
    REFUSALS=$PREFIX/refusals
    if [[ ! -e $HOST_START/done ]]; then
        open_archive
        unpack "$HOST_START" libc6-dev:amd64 libgcc-12-dev:amd64
        mkdir "$HOST_START/links"
        local library
        for library in c.so.6 m.so.6 gcc_s.so.1 dl.so.2 pthread.so.0 rt.so.1 util.so.1; do
            ln -s "/lib/x86_64-linux-gnu/lib$library" "$HOST_START/links/lib${library%.*}"
        done
        touch "$HOST_START/done"
    fi
    rm -rf "$REFUSALS"
    mkdir "$REFUSALS"
    local name
    for name in cc gcc g++ c++ c89 c99 clang clang++ as nasm yasm cmake make musl-gcc \
        {x86_64,aarch64}-linux-{gnu,musl}-{gcc,g++,cc,as}; do
        cp "$HERE/refuse-c.sh" "$REFUSALS/$name"
    done
}

# prepare_target VERSION ARCHITECTURE: musl, the code that unwinds, and the standard library of that
# compiler for both of them. (The archive has musl, but no Rust for it.)
prepare_target() {
    local version=$1 target=$2-unknown-linux-musl debian parts library scratch
    library=$RUSTC_FOLDER/usr/lib/rustlib/$target/lib
    if [[ -e $library/done ]]; then return; fi
    case $2 in
    x86_64) debian=amd64 ;;
    aarch64) debian=arm64 ;;
    *)
        echo "no musl for $2" >&2
        exit 2
        ;;
    esac
    parts=$PREFIX/parts-$2
    if [[ ! -e $parts/done ]]; then
        open_archive
        unpack "$parts" "musl-dev:$debian" "libgcc-12-dev:$debian" "libunwind-19-dev:$debian"
        touch "$parts/done"
    fi

    rm -rf "$library"
    mkdir -p "$library/self-contained"
    cp "$parts/usr/lib/$2-linux-musl"/{crt1.o,rcrt1.o,Scrt1.o,crti.o,crtn.o,libc.a} \
        "$parts/usr/lib/gcc/$2-linux-gnu/12"/{crtbegin.o,crtbeginS.o,crtend.o,crtendS.o} \
        "$library/self-contained/"
    # It was compiled for glibc; of glibc's own names it has one, in the messages of its errors.
    LD_LIBRARY_PATH=$TOOLS_LIBRARIES "$TOOLS/rust-objcopy" \
        --redefine-sym __fprintf_chk=abort --remove-section=.deplibs \
        "$parts/usr/lib/llvm-19/lib/libunwind.a" "$library/self-contained/libunwind.a"

    echo "building the standard library of Rust $version for $target"
    scratch=$PREFIX/std-$version-$2
    rm -rf "$scratch"
    mkdir "$scratch"
    cp -r "$RUSTC_FOLDER/usr/lib/rustlib/src/rust/library" "$scratch/library"
    # The standard library is the one thing that needs a stable compiler to be told it is not one.
    (cd "$scratch/library" &&
        RUSTC=$RUSTC-for-std RUSTC_BOOTSTRAP=1 __CARGO_DEFAULT_LIB_METADATA=musl \
            RUSTFLAGS="-Zforce-unstable-if-unmarked -Cembed-bitcode=yes" \
            "$CARGO" build --quiet --release --manifest-path std/Cargo.toml \
            --features panic-unwind,backtrace --target "$target" --target-dir "$scratch/target")
    cp "$scratch/target/$target/release/deps"/*.rlib "$library/"
    rm -rf "$scratch"
    touch "$library/done"
}
