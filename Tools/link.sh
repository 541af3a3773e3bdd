# Links programs of the release build again, from the same objects, for archives. Bash sources this file.
# shellcheck shell=bash
# shellcheck disable=SC2154 # `root` and the functions of common.sh come from the script that sources this file

objects=$root/.build/release
# Swift's libraries in the order in which a linker needs them; Foundation brings ICU.
swift_libraries=(
    Foundation FoundationInternationalization FoundationEssentials _FoundationICU CoreFoundation
    _FoundationCShims _FoundationCollections swiftDispatch swiftSynchronization
    swift_StringProcessing swift_RegexParser swift_Concurrency swift_Builtin_float swiftCore dispatch
    BlocksRuntime
)

# Installs what archives are compressed with: the same format as gzip's, 4 % smaller than gzip -9.
need_compressor() {
    ! command -v libdeflate-gzip >/dev/null || return 0
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "Installing Debian package: libdeflate-tools"
        export DEBIAN_FRONTEND=noninteractive
        local install=(apt-get install --yes --no-install-recommends libdeflate-tools)
        run "${install[@]}" </dev/null >/dev/null 2>&1 || {
            run apt-get update </dev/null >/dev/null 2>&1 || true
            run "${install[@]}" </dev/null >/dev/null 2>&1 || true
        }
    fi
    command -v libdeflate-gzip >/dev/null ||
        fail "'libdeflate-gzip' is needed. Install the Debian package libdeflate-tools."
}

# Collects static libraries in a folder of their own, so that the linker takes those.
link_static() {
    local package=$1 folder name
    shift
    folder=$(pkg-config --variable=libdir "$package")
    for name; do
        [ -e "$folder/$name" ] || fail "$folder has no $name, the static library of $package." \
            "On Debian it comes with the package of the headers."
        ln -sf "$folder/$name" "$static/$name"
    done
}

collect_static_libraries() {
    mkdir -p "$static"
    link_static libpng libpng16.a
    link_static libturbojpeg libturbojpeg.a
    link_static zlib libz.a
    link_static libcrypto libcrypto.a
    # The name that the package's own flags use.
    ln -sf libpng16.a "$static/libpng.a"
}

# Links a program: its name, the file to write, `static` or `shared` for Swift's libraries, and further
# arguments. Objects of CTorch are left out, because archives do not contain libtorch.
link_program() {
    local name=$1 output=$2 kind=$3 library arguments=()
    local list=$objects/$name.product/Objects.LinkFileList
    shift 3
    [ -e "$list" ] || fail "$list does not exist. Build it: make build"
    grep -v '/CTorch\.build/' "$list" >"$output.objects"
    case $kind in
    static)
        arguments=(-static-stdlib -Xlinker --start-group)
        # By -Xlinker, because swiftc would move -l out of the group.
        for library in "${swift_libraries[@]}"; do arguments+=(-Xlinker "-l$library"); done
        arguments+=(-Xlinker --end-group)
        ;;
    shared) arguments=(-no-toolchain-stdlib-rpath) ;;
    esac
    run swiftc -emit-executable -o "$output" -module-name "${name//-/_}" -Xlinker --gc-sections \
        -Xlinker --defsym -Xlinker "main=${name//-/_}_main" "@$output.objects" "-L$static" \
        -lturbojpeg -lpng16 -lz -lcrypto -ldl -lm "${arguments[@]}" "$@" 2>"$output.log" || {
        # Only the lines that are not warnings of Foundation.
        grep -v mktemp "$output.log" | tail -n 5 >&2
        fail "$name cannot be linked."
    }
    strip --strip-all "$output"
    # Names of C source files in assertions: relative to the checkout, at the same length.
    ROOT=$root perl -pi -e 's{\Q$ENV{ROOT}\E(?=/)}{"." . "/" x (length($ENV{ROOT}) - 1)}ge' "$output"
    rm -f "$output.objects" "$output.log"
}

# Prints the newest symbol version (GLIBC or GLIBCXX) that the files in some folders need.
newest_symbol() {
    local name=$1
    shift
    find "$@" -type f -exec objdump -T {} + 2>/dev/null | grep -oE "\(${name}_[0-9.]+\)" |
        tr -d '()' | sort -uV | tail -n 1 | cut -d _ -f 2
}

# Copies the licence of a library that is linked into a program, from its Debian package.
copy_copyright() {
    [ -e "/usr/share/doc/$2/copyright" ] ||
        fail "/usr/share/doc/$2/copyright is missing; the archive must contain this licence."
    mkdir -p "$licenses/$1"
    cp "/usr/share/doc/$2/copyright" "$licenses/$1/"
}

# Copies the licences of what every program of an archive contains.
copy_licenses() {
    local swift license
    copy Tools/licenses/ICU.txt "$licenses/icu"
    swift=$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")/share/swift/LICENSE.txt
    [ -e "$swift" ] || fail "$swift is missing; the archive must contain the licence of Swift's library."
    copy "$swift" "$licenses/swift"
    for license in .build/checkouts/swift-argument-parser/{LICENSE,NOTICE}.txt; do
        [ ! -e "$license" ] || copy "$license" "$licenses/$(basename "$(dirname "$license")")"
    done
    copy .build/checkouts/Yams/LICENSE "$licenses/Yams"
    copy_copyright libpng libpng-dev
    copy_copyright libjpeg-turbo libturbojpeg0-dev
    copy_copyright zlib zlib1g-dev
    copy_copyright libcrypto libssl-dev
}

copy() {
    mkdir -p "$2"
    cp -R -L "${@:3}" "$1" "$2/"
}

# Packs reproducibly: sorted names, no owner, the time of the last commit.
pack() {
    local time
    time=$(git log -1 --format=%ct)
    tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$time" \
        --mode='u=rwX,go=rX' -C "$(dirname "$stage")" -cf - "$name" | libdeflate-gzip -12 -c >"$partial"
}

# Gives a checked archive its name, with a file of its SHA-256.
publish() {
    (cd dist && sha256sum "$(basename "$partial")") | sed "s/ .*/  $name.tar.gz/" >"$partial.sha256"
    mv "$partial.sha256" "dist/$name.tar.gz.sha256"
    mv "$partial" "dist/$name.tar.gz"
    [ -z "$(git status --porcelain)" ] || say "note: this checkout has uncommitted changes"
    say "dist/$name.tar.gz: $(wc -c <"dist/$name.tar.gz") bytes; its SHA-256 is in $name.tar.gz.sha256."
}
