#!/usr/bin/env bash
# Builds what the Lambda layers hold: the programs that the stages start, and the bank's assets.
#
#     infra/layers/build.sh arm64|x86_64 [OUT]      OUT is target/layers if not given
#
#     OUT/ARCH/media/bin/{ffmpeg,ffprobe,espeak-ng}   the layer "media", seen by a function as /opt/bin
#     OUT/ARCH/media/share/espeak-ng-data             its voices; the program knows that they lie in /opt/share
#     OUT/ARCH/media/share/licenses                   the licences of all that is in the programs, and where their source is
#     OUT/assets/bespoke/assets                       the layer "assets", seen as /opt/bespoke/assets
#
# Why not take programs that somebody else has built: a full ffmpeg with its libraries does not fit in a layer, a function
# should not hold a hundred decoders that it never uses, and whoever hands on a program under the GPL must be able to hand
# on the source that it was made from. Everything is made from Debian's source packages, whose signatures apt checks; there
# is no other download. The programs are static, so they start on Amazon Linux whatever its glibc is.
#
# Runs on Debian 12 or later, or in a container of it; packages that it needs to build are installed with apt-get after
# saying so. JOBS is how many processes build at once; all cores if not given. A second run does nothing unless something
# in this file or in assets/ has changed.
set -euo pipefail

# What is built, and from which suite of Debian it comes. A version that Debian has replaced by a security update is no
# longer offered: apt-get then says that it cannot find it, and the pin has to be raised.
#
# The third column is there where the upstream part has to be asked for by an earlier version. A security update has the
# same upstream archive as the version that it mends, and not every mirror keeps it twice; apt holds both to the same
# signed digest.
PINS="
zlib       1:1.2.13.dfsg-1
freetype   2.12.1+dfsg-5+deb12u4
fribidi    1.0.8-2.1
harfbuzz   6.0.0+dfsg-3
libass     1:0.17.1-1+deb12u1          1:0.17.1-1
x264       2:0.164.3095+gitbaee400-3
ffmpeg     7:5.1.9-0+deb12u1
espeak-ng  1.52.0+dfsg-5
"
SUITES="bookworm trixie"
SECURITY_SUITES="bookworm-security trixie-security"

# What ffmpeg can do: what functions/render asks of it, what ffmpeg puts between by itself, and no more.
# Backgrounds: the containers that functions/render/src/background.rs lets pass, with the codecs that are usual in them, since a
# bank may bring its own. Music and pictures likewise. Playlists and networks are not there at all.
DEMUXERS="mov,matroska,avi,mpegts,flv,gif,apng,wav,flac,mp3,ogg,aac,image2"
DEMUXERS="$DEMUXERS,image_png_pipe,image_jpeg_pipe,image_webp_pipe,image_bmp_pipe,image_tiff_pipe"
DECODERS="h264,hevc,vp8,vp9,mpeg2video,mpeg4,mjpeg,png,apng,gif,webp,bmp,tiff,flac,aac,mp3float,vorbis,opus,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le"
PARSERS="h264,hevc,vp8,vp9,mpegvideo,mpeg4video,mjpeg,png,gif,webp,bmp,flac,aac,mpegaudio,vorbis,opus"
# wrapped_avframe and pcm_s16le are what the muxer "null" is given, where a file is only measured.
ENCODERS="libx264,aac,mjpeg,gif,rawvideo,pcm_f32le,pcm_s16le,wrapped_avframe"
MUXERS="mp4,wav,gif,image2,rawvideo,null"
# The first three lines are named in functions/render/src/graph.rs, the last holds what ffmpeg inserts: conversions, the
# cut at -t, and turning a background that was filmed upright.
FILTERS="ass,overlay,fade,scale,crop,fps,setpts,settb,setsar,setparams,loop,split,format,colorchannelmixer"
FILTERS="$FILTERS,palettegen,paletteuse,ebur128,silencedetect,alimiter,amix,adelay,afade,apad,atrim,asetnsamples"
FILTERS="$FILTERS,volume,aresample,aformat,bwdif,extractplanes,geq,idet,lut3d,premultiply"
FILTERS="$FILTERS,null,anull,trim,transpose,hflip,vflip,rotate"

say() { echo "layers: $*"; }

fail() {
    echo "layers: $*" >&2
    exit 1
}

arch=${1:-}
case $arch in
arm64) triple=aarch64-linux-gnu debian=arm64 ;;
x86_64) triple=x86_64-linux-gnu debian=amd64 ;;
*)
    echo "usage: infra/layers/build.sh arm64|x86_64 [OUT]" >&2
    exit 2
    ;;
esac
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "${2:-$root/target/layers}"
out=$(cd "${2:-$root/target/layers}" && pwd)
work=$root/target/layers/.build
prefix=$work/$arch/prefix
media=$out/$arch/media
jobs=${JOBS:-$(nproc)}
logs=$work/$arch/logs
mkdir -p "$work" "$logs" "$prefix"

# Customers' names pass through libass, HarfBuzz and FreeType, so the compiler's guards are on. Sections of their own let
# the linker leave out what no program calls. The map keeps this machine's folders out of the programs.
export CFLAGS="-O2 -pipe -fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections \
-ffile-prefix-map=$work=."
export CXXFLAGS=$CFLAGS
# Nothing of this machine's own libraries may be found, only what is built here.
export PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig PKG_CONFIG_PATH=
unset CPPFLAGS LDFLAGS

pinned() { awk -v name="$1" '$1 == name { print $2 }' <<<"$PINS"; }
upstream_of() { awk -v name="$1" '$1 == name { print ($3 == "" ? $2 : $3) }' <<<"$PINS"; }

# ---- what is needed to build ----

install_builders() {
    local wanted="make patch pkg-config bzip2 xz-utils gcc g++ libc6-dev" missing="" package as_root=""
    if [ "$(dpkg --print-architecture)" != "$debian" ]; then
        local cross=${triple/_/-}
        wanted="$wanted gcc-$cross g++-$cross libc6-dev-$debian-cross"
    fi
    # x264, libass and ffmpeg have their fast paths for x86 in nasm's language; for arm64 the compiler's assembler does.
    [ "$arch" != x86_64 ] || wanted="$wanted nasm"
    for package in $wanted; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then as_root=sudo; fi
    say "installing$missing with apt-get"
    $as_root apt-get -qq update
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive $as_root apt-get -qq install -y --no-install-recommends $missing >/dev/null
}

# ---- sources ----

# apt with lists and caches of its own: the machine's settings stay as they are, and no root is needed.
apt() {
    apt-get -qq -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="" \
        -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}

# Where Debian is to be had is what this machine's apt already knows, a company's mirror as well as Debian's own.
prepare_apt() {
    local key="signed-by=/usr/share/keyrings/debian-archive-keyring.gpg" label uris uri suite
    rm -rf "$work/apt"
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    for label in Debian Debian-Security; do
        # shellcheck disable=SC2016 # apt fills it in
        uris=$(apt-get indextargets --format '$(REPO_URI)' "Label: $label" "Created-By: Packages" | sort -u | head -n 1)
        [ -n "$uris" ] || [ $label = Debian-Security ] ||
            fail "apt knows no source of Debian here; run this on Debian 12 or later, or in a container of it"
        for uri in $uris; do
            for suite in $([ $label = Debian ] && echo "$SUITES" || echo "$SECURITY_SUITES"); do
                echo "deb-src [$key] $uri $suite main"
            done
        done
    done >"$work/apt/sources.list"
    apt update
}

# Downloads a source package, checked by apt, and unpacks it with Debian's patches to $work/$arch/src/NAME. The parts are
# asked for one by one and put together here, since that works without the third, the description, which apt has no need
# of: the digests that it checks stand in the signed list.
unpack() {
    local name=$1 version upstream folder archive part
    version=$(pinned "$name") upstream=$(upstream_of "$name")
    local store=$work/sources/$name-${version#*:}
    if [ ! -f "$store/.complete" ]; then
        mkdir -p "$store"
        [ -f "$work/apt/.ready" ] || { prepare_apt && touch "$work/apt/.ready"; }
        (cd "$store" && apt source --tar-only "$name=$upstream" && apt source --diff-only "$name=$version")
        touch "$store/.complete"
    fi
    folder=$work/$arch/src/$name
    rm -rf "$folder"
    mkdir -p "$folder"
    # NAME.orig.tar.gz is the source; NAME.orig-docs.tar.gz, if there is one, belongs into its folder docs.
    find "$store" -name '*.orig*.tar.*' ! -name '*.asc' | while read -r archive; do
        part=${archive##*.orig}
        part=${part%%.tar.*}
        mkdir -p "$folder/${part#-}"
        tar -xf "$archive" -C "$folder/${part#-}" --strip-components=1
    done
    tar -xf "$(find "$store" -name "*_${version#*:}.debian.tar.*")" -C "$folder"
    cd "$folder"
    if [ -f debian/patches/series ]; then
        sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' debian/patches/series | while read -r patch; do
            patch -p1 -s -f <"debian/patches/$patch"
        done
    fi
    # A patch to what a build's own files are made from would have them made again, with programs that are not needed
    # otherwise.
    # shellcheck disable=SC2038 # no source has such names
    find . -name '*.am' -o -name '*.ac' -o -name '*.m4' | xargs -r touch -d '2000-01-01'
}

# ---- the libraries, in the order in which they need each other ----

configure() { ./configure --host="$triple" --prefix="$prefix" --enable-static --disable-shared "$@"; }

# ffmpeg's PNG decoder needs it.
build_zlib() {
    CHOST=$triple ./configure --static --prefix="$prefix"
    make -j"$jobs" install
}

# No PNG, Brotli or bzip2: the brand's fonts are plain outlines. zlib as a library, since FreeType would otherwise bring a
# copy of it, and a static program must not have it twice.
build_freetype() {
    cp builds/unix/config.* . 2>/dev/null || true
    configure --with-zlib=yes --with-png=no --with-bzip2=no --with-brotli=no --with-harfbuzz=no
    make -j"$jobs" install
}

# Its library alone: the tests and manual pages need more programs.
build_fribidi() {
    configure
    make -j"$jobs" -C lib install
    make install-pkgconfigDATA
}

# In one piece, as HarfBuzz itself offers for embedding; so it needs neither meson nor the C++ library.
build_harfbuzz() {
    # shellcheck disable=SC2046,SC2086 # lists of words
    "$triple-g++" $CXXFLAGS -fno-exceptions -fno-rtti -fno-threadsafe-statics -DHAVE_FREETYPE=1 -DHAVE_PTHREAD=1 \
        $(pkg-config --cflags freetype2) -c src/harfbuzz.cc -o harfbuzz.o
    "$triple-ar" rcs libharfbuzz.a harfbuzz.o
    mkdir -p "$prefix/include/harfbuzz" "$prefix/lib/pkgconfig"
    cp libharfbuzz.a "$prefix/lib/"
    cp src/hb*.h "$prefix/include/harfbuzz/"
    cat >"$prefix/lib/pkgconfig/harfbuzz.pc" <<END
Name: harfbuzz
Description: text shaping
Version: $(pinned harfbuzz | sed 's/+.*//')
Requires.private: freetype2
Libs: -L$prefix/lib -lharfbuzz
Libs.private: -lm -lpthread
Cflags: -I$prefix/include/harfbuzz
END
}

# Without fontconfig: the graph passes the folder of fonts, and names for each stretch of text a family that has its
# letters (functions/render/src/font.rs). So nothing is looked for elsewhere, and no cache is written.
build_libass() {
    configure --disable-fontconfig --disable-require-system-font-provider --disable-libunibreak
    make -j"$jobs" install
}

# Bespoke's videos have 8 bits.
build_x264() {
    local cross=""
    [ "$arch" = x86_64 ] || cross="--cross-prefix=$triple-"
    # shellcheck disable=SC2086 # a list of words
    CC=$triple-gcc ./configure --host="$triple" $cross --prefix="$prefix" --enable-static --disable-cli --disable-opencl \
        --bit-depth=8 --extra-cflags="$CFLAGS"
    make -j"$jobs" install
}

# ---- espeak-ng ----

# espeak_program COMPILER FOLDER: compiles the program, without what plays sound, MBROLA's voices, and libsonic, which only
# speeds above 450 words a minute need. Done without its own build, which would download.
espeak_program() {
    local compiler=$1 folder=$2 source object objects=()
    local version
    version=$(pinned espeak-ng)
    mkdir -p "$folder"
    cat >"$folder/config.h" <<END
#define HAVE_MKSTEMP 1
#define USE_ASYNC 0
#define USE_KLATT 1
#define USE_LIBPCAUDIO 0
#define USE_LIBSONIC 0
#define USE_MBROLA 0
#define USE_SPEECHPLAYER 1
#define PACKAGE_VERSION "${version%%+*}"
END
    for source in src/libespeak-ng/*.c src/ucd-tools/src/*.c src/speechPlayer/src/*.cpp src/espeak-ng.c; do
        case ${source##*/} in
        compilembrola.c | mbrowrap.c | synth_mbrola.c | event.c | fifo.c | espeak_command.c) continue ;;
        esac
        object=$folder/${source//\//-}.o
        local language=gcc
        [ "${source##*.}" = c ] || language=g++
        # The path is where a function finds the layer. ESPEAK_DATA_PATH in the environment goes before it.
        # shellcheck disable=SC2086 # a list of words
        "$compiler-$language" $CFLAGS -w -fwrapv -fvisibility=hidden -I"$folder" -Isrc/include -Isrc/include/compat \
            -Isrc/ucd-tools/src/include -Isrc/speechPlayer/include -DLIBESPEAK_NG_EXPORT=1 \
            -DPATH_ESPEAK_DATA='"/opt/share/espeak-ng-data"' -c "$source" -o "$object"
        objects+=("$object")
    done
    "$compiler-g++" -static -s -Wl,--gc-sections "${objects[@]}" -lm -o "$folder/espeak-ng"
}

# The voices: English alone, because functions/narrate writes every name with Latin letters before it speaks and accepts
# English voices only; with all variants (en-us+f3). The phonemes are one file for all languages.
build_espeak_ng() {
    local here
    here=$(gcc -dumpmachine)
    espeak_program "$triple" "$PWD/.target"
    # Data are compiled by the program itself, so one is needed that runs on this machine. They are the same for both
    # architectures: both are little-endian.
    local native=$PWD/.target
    if [ "$here" != "$triple" ]; then
        native=$PWD/.native
        espeak_program "$here" "$native"
    fi
    local speak=(env "ESPEAK_DATA_PATH=$PWD" "$native/espeak-ng") data=$prefix/share/espeak-ng-data
    (cd phsource && "${speak[@]}" --compile-intonations && "${speak[@]}" --compile-phonemes)
    (cd dictsource && "${speak[@]}" --compile=en)
    rm -rf "$data"
    mkdir -p "$data/lang/gmw" "$data/voices" "$prefix/bin"
    cp .target/espeak-ng "$prefix/bin/"
    (cd espeak-ng-data && cp en_dict intonations phondata phonindex phontab "$data/")
    cp espeak-ng-data/lang/gmw/en* "$data/lang/gmw/"
    # English in the Shavian alphabet has a dictionary of its own.
    rm -f "$data/lang/gmw/en-Shaw"
    cp -R 'espeak-ng-data/voices/!v' "$data/voices/"
}

# ---- ffmpeg ----

build_ffmpeg() {
    local version
    version=$(pinned ffmpeg)
    # Installed to /opt, because ffmpeg writes its options into the programs.
    ./configure --prefix=/opt --enable-cross-compile --target-os=linux --arch="${triple%%-*}" --cross-prefix="$triple-" \
        --pkg-config=pkg-config --pkg-config-flags=--static --extra-ldexeflags="-static -Wl,--gc-sections" \
        --extra-version="${version##*-}" --enable-gpl --disable-autodetect --disable-everything --disable-network \
        --disable-doc --disable-debug --disable-ffplay --disable-avdevice --disable-postproc --disable-iconv \
        --enable-zlib --enable-libx264 --enable-libass --enable-protocol=file \
        --enable-demuxer="$DEMUXERS" --enable-muxer="$MUXERS" --enable-decoder="$DECODERS" \
        --enable-encoder="$ENCODERS" --enable-parser="$PARSERS" --enable-filter="$FILTERS" ||
        { tail -n 15 ffbuild/config.log && return 1; }
    make -j"$jobs" ffmpeg ffprobe
    mkdir -p "$prefix/bin"
    cp ffmpeg ffprobe "$prefix/bin/"
}

# ---- putting together ----

# The package that a file is from.
owner() { dpkg-query -S "$(realpath "$1")" | sed 's/:.*//' | head -n 1; }

# Licences: what Debian wrote down of each source, the full texts that those files refer to, and where the source is.
gather_licenses() {
    local to=$media/share/licenses name origin shared
    rm -rf "$to"
    mkdir -p "$to/common"
    for name in $(awk '{ print $1 }' <<<"$PINS"); do
        mkdir -p "$to/$name"
        cp "$work/$arch/src/$name/debian/copyright" "$to/$name/"
    done
    cp "$work/$arch/src/espeak-ng/"COPYING* "$to/espeak-ng/"
    # A static program holds parts of the C library, and of the compiler's.
    origin=$(owner "$("$triple-gcc" -print-file-name=libc.a)")
    mkdir -p "$to/glibc" "$to/gcc"
    cp "/usr/share/doc/$origin/copyright" "$to/glibc/"
    shared=$(owner "$("$triple-gcc" -print-libgcc-file-name)")
    cp "/usr/share/doc/$shared/copyright" "$to/gcc/"
    grep -rhoE '/usr/share/common-licenses/[A-Za-z]+(-[0-9]+(\.[0-9]+)*)?' "$to" | sort -u | while read -r name; do
        [ ! -f "$name" ] || cp -L "$name" "$to/common/"
    done
    {
        echo "The programs of this layer were made by infra/layers/build.sh of Bespoke from these source packages of Debian,"
        echo "with Debian's patches and no others:"
        echo
        awk 'NF { printf "    %-10s %s\n", $1, $2 }' <<<"$PINS"
        echo
        echo "and linked with the static libraries of these packages:"
        echo
        echo "    glibc      $origin $(dpkg-query -W -f '${Version}' "$origin")"
        echo "    gcc        $shared $(dpkg-query -W -f '${Version}' "$shared")"
        echo
        echo "ffmpeg and ffprobe hold libx264 and so are under the GPL, version 2 or later; espeak-ng is under the GPL,"
        echo "version 3 or later. Each source: apt-get source NAME=VERSION. The licence of each lies in the folder of its"
        echo "name, the full texts in common."
    } >"$to/SOURCES.txt"
}

put_media() {
    rm -rf "$media"
    mkdir -p "$media/bin" "$media/share"
    for program in ffmpeg ffprobe espeak-ng; do
        "$triple-strip" -o "$media/bin/$program" "$prefix/bin/$program"
        chmod 755 "$media/bin/$program"
    done
    cp -R "$prefix/share/espeak-ng-data" "$media/share/"
    gather_licenses
}

# What is read while a video is made: brand.toml, and the folders that it names. The fonts' licences must go with them.
put_assets() {
    local to=$out/assets/bespoke/assets
    rm -rf "$out/assets"
    mkdir -p "$to/logo"
    cp "$root/assets/brand.toml" "$to/"
    cp -R "$root/assets/backgrounds" "$root/assets/fonts" "$root/assets/music" "$to/"
    cp "$root"/assets/logo/*.png "$to/logo/"
    find "$out/assets" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
}

# ---- all of it ----

# One run at a time: both architectures share the folder of sources.
exec 9>"$work/.lock"
flock 9
# Lists of packages are fetched anew in each run that downloads, or a raised pin would not be found.
rm -f "$work/apt/.ready"

# Each step is done again when its version, its own text, or a step before it has changed.
install_builders
key=$(echo "$arch $CFLAGS $(declare -f unpack configure espeak_program)" | sha256sum)
ffmpeg_parts="$DEMUXERS $DECODERS $PARSERS $ENCODERS $MUXERS $FILTERS"
for name in $(awk '{ print $1 }' <<<"$PINS"); do
    build=build_${name//-/_}
    key=$(echo "$key $(pinned "$name") $(declare -f "$build") $([ "$name" != ffmpeg ] || echo "$ffmpeg_parts")" | sha256sum)
    [ "$(cat "$work/$arch/$name.stamp" 2>/dev/null)" != "$key" ] || continue
    rm -f "$out/$arch/.stamp"
    say "$arch: building $name $(pinned "$name")"
    # In a shell of its own, so that no step changes the folder of the next. Its end is looked at apart from it: as part of
    # a condition it would go on after an error.
    set +e
    (
        set -e
        unpack "$name"
        "$build"
    ) >"$logs/$name.log" 2>&1
    ended=$?
    set -e
    [ $ended = 0 ] || { tail -n 30 "$logs/$name.log" >&2 && fail "$name could not be built; all of it: $logs/$name.log"; }
    echo "$key" >"$work/$arch/$name.stamp"
done

key=$(echo "$key $(declare -f put_media gather_licenses)" | sha256sum)
if [ "$(cat "$out/$arch/.stamp" 2>/dev/null)" = "$key" ] && [ -x "$media/bin/ffmpeg" ]; then
    say "$arch: the programs are there already"
else
    put_media
    echo "$key" >"$out/$arch/.stamp"
fi
# A copy takes less time than finding out whether it is needed.
put_assets

say "$arch: sizes in KiB"
for path in "$arch"/media/{bin/ffmpeg,bin/ffprobe,bin/espeak-ng,share/espeak-ng-data,share/licenses,} assets; do
    printf '%8d  %s\n' "$(du -sk --apparent-size "$out/$path" | cut -f 1)" "$path"
done
