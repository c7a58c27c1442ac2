#!/usr/bin/env bash
# Links what runs on this machine while a build goes on (build scripts, procedural macros) without a
# C compiler: rustc speaks to it as to gcc, and it starts rust-lld with what gcc would have added.
#
# HOST_LINKER is rust-lld, HOST_START the unpacked packages with the C library's start files.
set -euo pipefail

gcc=$HOST_START/usr/lib/gcc/x86_64-linux-gnu/12
libc=$HOST_START/usr/lib/x86_64-linux-gnu

# Long command lines come in a file, an argument a line, blanks and backslashes escaped.
given=()
for argument in "$@"; do
    if [[ $argument == @* ]]; then
        # shellcheck disable=SC2162 # without -r, `read` takes the escapes away
        while IFS= read line || [[ -n $line ]]; do given+=("$line"); done <"${argument#@}"
    else
        given+=("$argument")
    fi
done

arguments=()
shared=no
for argument in "${given[@]}"; do
    case $argument in
    -c | -S | -E | *.c | *.cc | *.cpp | *.s | *.S)
        echo "this only links, and was asked to compile: $argument" >&2
        exit 1
        ;;
    -static-pie)
        echo "nothing static is linked for this machine itself" >&2
        exit 1
        ;;
    -Wl,*)
        IFS=, read -ra words <<<"${argument#-Wl,}"
        arguments+=("${words[@]}")
        ;;
    -m64 | -no-pie | -nodefaultlibs | -nostartfiles | -fuse-ld=* | -B* | -fno-lto | -flto*) ;;
    -shared)
        shared=yes
        arguments+=(-shared)
        ;;
    *) arguments+=("$argument") ;;
    esac
done

if [[ $shared == yes ]]; then
    start=("$libc/crti.o" "$gcc/crtbeginS.o")
else
    start=("$libc/Scrt1.o" "$libc/crti.o" "$gcc/crtbeginS.o" -dynamic-linker /lib64/ld-linux-x86-64.so.2)
fi
# The libraries of the unpacked compiler are for the compiler alone.
unset LD_LIBRARY_PATH
exec "$HOST_LINKER" -flavor gnu --eh-frame-hdr "${start[@]}" "${arguments[@]}" \
    -L"$HOST_START/links" -lc "$libc/libc_nonshared.a" "$gcc/crtendS.o" "$libc/crtn.o"
