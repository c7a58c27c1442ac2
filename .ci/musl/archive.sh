# Sourced: Debian packages, unpacked into a folder and never installed.
#
# `apt` gets a state of its own under $PREFIX, so that nothing of this machine's changes; the archives
# are those that the machine's own sources name, and their signatures are checked as always.
# shellcheck shell=bash

# The number is of what lies in there, as these scripts make it.
PREFIX=${XDG_CACHE_HOME:-$HOME/.cache}/ottla/musl-1
mkdir -p "$PREFIX"

# cannot REASON: ends with the code of a check that cannot be made here.
cannot() {
    echo "$*, so this is not checked here" >&2
    exit 77
}

# alone: waits until no other run makes what is not there yet; until then it is this one's turn.
alone() {
    exec {LOCK}>"$PREFIX/lock"
    flock "$LOCK"
}

# The release whose archive has the oldest Rust that ottla promises; newer ones come by its security
# archive. What is unpacked from it runs wherever the C library is as new as its own (glibc 2.36).
readonly RELEASE=bookworm
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# archive_of PATTERN: the first of this machine's sources whose address ends like that.
archive_of() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed 's/#.*//' | grep -oE 'https?://[^ ]+' | grep -E "$1/?\$" | sort -u | sed -n 1p || true
}

# open_archive: fetches the lists of packages, at most once in a run.
open_archive() {
    export APT_CONFIG=$PREFIX/apt/apt.conf
    if [[ ${ARCHIVE_IS_OPEN:-} ]]; then return; fi
    local apt=$PREFIX/apt main security
    main=$(archive_of /debian) security=$(archive_of /debian-security)
    if ! command -v apt-get >/dev/null || [[ -z $main || -z $security || ! -r $KEYRING ]]; then
        cannot "this machine has no sources of Debian packages, where compilers and musl come from"
    fi
    mkdir -p "$apt"/{trusted,lists/partial,cache/archives/partial}
    : >"$apt/status"
    cat >"$apt/sources.list" <<END
deb [signed-by=$KEYRING] $main $RELEASE main
deb [arch=amd64 signed-by=$KEYRING] $security $RELEASE-security main
END
    cat >"$apt/apt.conf" <<END
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::TrustedParts "$apt/trusted";
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::Status "$apt/status";
Dir::Cache "$apt/cache";
APT::Architecture "amd64";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "";
Acquire::Languages "none";
END
    apt-get -qq update
    ARCHIVE_IS_OPEN=yes
}

# newest_version PACKAGE [PREFIX]: its newest version in the archive, of those that begin like that.
newest_version() {
    apt-cache madison "$1" | awk -F'|' -v begin="${2:-}" '
        { gsub(/ /, "", $2) }
        index($2, begin) == 1 && !found++ { print $2 }'
}

# unpack FOLDER PACKAGE...: replaces the folder by what the packages hold.
unpack() {
    local folder=$1 downloads=$PREFIX/downloads
    shift
    rm -rf "$folder" "$downloads"
    mkdir -p "$folder" "$downloads"
    (cd "$downloads" && apt-get -qq download "$@")
    local package
    for package in "$downloads"/*.deb; do dpkg-deb --extract "$package" "$folder"; done
    rm -rf "$downloads"
}
