#!/usr/bin/env bash
# Builds the contents of the Lambda layers: the programs that stages start, and the bank's assets.
#
#     infra/layers/build.sh arm64|x86_64 [OUT]      OUT is target/layers by default
#
#     OUT/ARCH/media/bin/{ffmpeg,ffprobe,espeak-ng}   the layer "media"; a function sees it as /opt/bin
#     OUT/ARCH/media/share/espeak-ng-data             its voices; espeak-ng looks for them in /opt/share
#     OUT/ARCH/media/share/licenses                   the licenses of all parts, and where to get their source
#     OUT/assets/bespoke/assets                       the layer "assets"; a function sees it as /opt/bespoke/assets
#
# Builds everything from Debian's source packages, whose signatures apt verifies, and downloads nothing else. Prebuilt programs
# are not suitable, for three reasons:
#
#   - a full ffmpeg with its libraries exceeds the size of a layer
#   - a function should not contain a hundred decoders that it never uses
#   - the GPL requires that the exact source of each distributed program be available
#
# The programs are statically linked, so they run on Amazon Linux with any version of glibc.
#
# Runs on Debian 12 or later, or in such a container. Installs missing build packages with apt-get, and says so. JOBS limits the
# number of parallel build processes; the default is the number of cores. Skips a step if its version, recipe and inputs have
# not changed.
set -euo pipefail

# The source packages and their versions. Debian stops offering a version once a security update replaces it; apt-get then
# cannot find the version, and its pin must be raised.
#
# A third column names the version under which to request the upstream archive. A security update shares that archive with
# the version that it fixes, and some mirrors keep it only once. apt checks both against the same signed digest.
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

# The parts of ffmpeg that functions/render uses, and those that ffmpeg inserts by itself, but no others. A bank may use its own
# backgrounds, music and images. So these lists contain the container formats that functions/render/src/background.rs accepts,
# with their usual codecs, but no playlists or network protocols.
DEMUXERS="mov,matroska,avi,mpegts,flv,gif,apng,wav,flac,mp3,ogg,aac,image2"
DEMUXERS="$DEMUXERS,image_png_pipe,image_jpeg_pipe,image_webp_pipe,image_bmp_pipe,image_tiff_pipe"
# functions/render composes frames and writes them, as raw video, to ffmpeg's standard input.
DEMUXERS="$DEMUXERS,rawvideo"
DECODERS="rawvideo,h264,hevc,vp8,vp9,mpeg2video,mpeg4,mjpeg,png,apng,gif,webp,bmp,tiff,flac,aac,mp3float,vorbis,opus,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le"
PARSERS="h264,hevc,vp8,vp9,mpegvideo,mpeg4video,mjpeg,png,gif,webp,bmp,flac,aac,mpegaudio,vorbis,opus"
# The muxer "null", which only measures a file, needs wrapped_avframe and pcm_s16le.
ENCODERS="libx264,aac,mjpeg,gif,rawvideo,pcm_f32le,pcm_s16le,wrapped_avframe"
MUXERS="mp4,wav,gif,image2,rawvideo,null"
# functions/render/src/graph.rs names the filters of the first three lines. ffmpeg inserts those of the last line: it
# converts formats, cuts at -t, and rotates backgrounds that were filmed upright.
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

# libass, HarfBuzz and FreeType process customers' names, so the compiler's hardening is on. Separate sections let the
# linker drop unused functions. The prefix map keeps this machine's paths out of the programs.
export CFLAGS="-O2 -pipe -fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections \
-ffile-prefix-map=$work=."
export CXXFLAGS=$CFLAGS
# pkg-config must find only the libraries that this script builds.
export PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig PKG_CONFIG_PATH=
unset CPPFLAGS LDFLAGS

pinned() { awk -v name="$1" '$1 == name { print $2 }' <<<"$PINS"; }
upstream_of() { awk -v name="$1" '$1 == name { print ($3 == "" ? $2 : $3) }' <<<"$PINS"; }

# ---- build packages ----

install_builders() {
    local wanted="make patch pkg-config bzip2 xz-utils gcc g++ libc6-dev" missing="" package as_root=""
    if [ "$(dpkg --print-architecture)" != "$debian" ]; then
        local cross=${triple/_/-}
        wanted="$wanted gcc-$cross g++-$cross libc6-dev-$debian-cross"
    fi
    # x264, libass and ffmpeg have x86 assembly for nasm; the compiler assembles their arm64 code.
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

# Runs apt-get with its own lists and cache, so it needs no root and leaves the machine's settings alone.
apt() {
    apt-get -qq -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="" \
        -o Acquire::Retries=3 -o Acquire::Languages=none "$@"
}

# Takes the addresses of Debian's archives from this machine's apt, which may use a company's mirror.
prepare_apt() {
    local key="signed-by=/usr/share/keyrings/debian-archive-keyring.gpg" label uris uri suite
    rm -rf "$work/apt"
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    for label in Debian Debian-Security; do
        # shellcheck disable=SC2016 # apt fills it in
        uris=$(apt-get indextargets --format '$(REPO_URI)' "Label: $label" "Created-By: Packages" | sort -u | head -n 1)
        [ -n "$uris" ] || [ $label = Debian-Security ] ||
            fail "apt has no source of Debian packages; run this on Debian 12 or later, or in a container of it"
        for uri in $uris; do
            for suite in $([ $label = Debian ] && echo "$SUITES" || echo "$SECURITY_SUITES"); do
                echo "deb-src [$key] $uri $suite main"
            done
        done
    done >"$work/apt/sources.list"
    apt update
}

# unpack NAME: downloads a source package with apt and unpacks it with Debian's patches to $work/$arch/src/NAME. Requests
# the archive and the patches separately, because some mirrors lack the third part, the description. apt does not need
# it: the digests come from the signed list.
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
    # NAME.orig.tar.gz is the source. An archive such as NAME.orig-docs.tar.gz belongs in its subfolder docs.
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
    # Old timestamps keep make from regenerating the build files of patched sources, which would require more programs.
    # shellcheck disable=SC2038 # no source has such names
    find . -name '*.am' -o -name '*.ac' -o -name '*.m4' | xargs -r touch -d '2000-01-01'
}

# ---- libraries, in the order of their dependencies ----

configure() { ./configure --host="$triple" --prefix="$prefix" --enable-static --disable-shared "$@"; }

# For ffmpeg's PNG decoder.
build_zlib() {
    CHOST=$triple ./configure --static --prefix="$prefix"
    make -j"$jobs" install
}

# Built without PNG, Brotli and bzip2, because the brand's fonts are plain outlines. Built with the zlib from above, because
# FreeType's own copy would clash with it in a static program.
build_freetype() {
    cp builds/unix/config.* . 2>/dev/null || true
    configure --with-zlib=yes --with-png=no --with-bzip2=no --with-brotli=no --with-harfbuzz=no
    make -j"$jobs" install
}

# Builds only the library. Its tests and manual pages would require more programs.
build_fribidi() {
    configure
    make -j"$jobs" -C lib install
    make install-pkgconfigDATA
}

# Compiles HarfBuzz's single-file form for embedding, which needs neither meson nor the C++ library.
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

# Built without fontconfig, so libass does not search for other fonts or write a cache. The render stage passes the fonts folder,
# and for each piece of text chooses a font family that has its letters (functions/render/src/font.rs).
build_libass() {
    configure --disable-fontconfig --disable-require-system-font-provider --disable-libunibreak
    make -j"$jobs" install
}

# Built only for 8 bits, the depth of Bespoke's videos.
build_x264() {
    local cross=""
    [ "$arch" = x86_64 ] || cross="--cross-prefix=$triple-"
    # shellcheck disable=SC2086 # a list of words
    CC=$triple-gcc ./configure --host="$triple" $cross --prefix="$prefix" --enable-static --disable-cli --disable-opencl \
        --bit-depth=8 --extra-cflags="$CFLAGS"
    make -j"$jobs" install
}

# ---- espeak-ng ----

# espeak_program COMPILER FOLDER: compiles espeak-ng into FOLDER. Leaves out sound output, MBROLA's voices, and libsonic,
# which only rates above 450 words per minute need. Does not use espeak-ng's own build, because it downloads files.
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
        # The path of the data inside the layer. The variable ESPEAK_DATA_PATH overrides it.
        # shellcheck disable=SC2086 # a list of words
        "$compiler-$language" $CFLAGS -w -fwrapv -fvisibility=hidden -I"$folder" -Isrc/include -Isrc/include/compat \
            -Isrc/ucd-tools/src/include -Isrc/speechPlayer/include -DLIBESPEAK_NG_EXPORT=1 \
            -DPATH_ESPEAK_DATA='"/opt/share/espeak-ng-data"' -c "$source" -o "$object"
        objects+=("$object")
    done
    "$compiler-g++" -static -s -Wl,--gc-sections "${objects[@]}" -lm -o "$folder/espeak-ng"
}

# Includes only English voices, with all variants (en-us+f3): functions/narrate accepts no others, and transliterates names
# to Latin letters. The phonemes of all languages share one file.
build_espeak_ng() {
    local here
    here=$(gcc -dumpmachine)
    espeak_program "$triple" "$PWD/.target"
    # espeak-ng compiles its own data, so a program for this machine is needed. The data works on both architectures, because
    # both are little-endian.
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
    # English in the Shavian alphabet needs its own dictionary.
    rm -f "$data/lang/gmw/en-Shaw"
    cp -R 'espeak-ng-data/voices/!v' "$data/voices/"
}

# ---- ffmpeg ----

build_ffmpeg() {
    local version
    version=$(pinned ffmpeg)
    # The programs contain these options, so the prefix is the path in the layer, not on this machine.
    ./configure --prefix=/opt --enable-cross-compile --target-os=linux --arch="${triple%%-*}" --cross-prefix="$triple-" \
        --pkg-config=pkg-config --pkg-config-flags=--static --extra-ldexeflags="-static -Wl,--gc-sections" \
        --extra-version="${version##*-}" --enable-gpl --disable-autodetect --disable-everything --disable-network \
        --disable-doc --disable-debug --disable-ffplay --disable-avdevice --disable-postproc --disable-iconv \
        --enable-zlib --enable-libx264 --enable-libass --enable-protocol=file,pipe \
        --enable-demuxer="$DEMUXERS" --enable-muxer="$MUXERS" --enable-decoder="$DECODERS" \
        --enable-encoder="$ENCODERS" --enable-parser="$PARSERS" --enable-filter="$FILTERS" ||
        { tail -n 15 ffbuild/config.log && return 1; }
    make -j"$jobs" ffmpeg ffprobe
    mkdir -p "$prefix/bin"
    cp ffmpeg ffprobe "$prefix/bin/"
}

# ---- the layers ----

# owner FILE: prints the package of a file.
owner() { dpkg-query -S "$(realpath "$1")" | sed 's/:.*//' | head -n 1; }

# Collects each source package's Debian copyright file, the licenses that these files refer to, and the origin of the sources.
gather_licenses() {
    local to=$media/share/licenses name origin shared
    rm -rf "$to"
    mkdir -p "$to/common"
    for name in $(awk '{ print $1 }' <<<"$PINS"); do
        mkdir -p "$to/$name"
        cp "$work/$arch/src/$name/debian/copyright" "$to/$name/"
    done
    cp "$work/$arch/src/espeak-ng/"COPYING* "$to/espeak-ng/"
    # Static programs contain parts of the C library and of the compiler's library.
    origin=$(owner "$("$triple-gcc" -print-file-name=libc.a)")
    mkdir -p "$to/glibc" "$to/gcc"
    cp "/usr/share/doc/$origin/copyright" "$to/glibc/"
    shared=$(owner "$("$triple-gcc" -print-libgcc-file-name)")
    cp "/usr/share/doc/$shared/copyright" "$to/gcc/"
    grep -rhoE '/usr/share/common-licenses/[A-Za-z]+(-[0-9]+(\.[0-9]+)*)?' "$to" | sort -u | while read -r name; do
        [ ! -f "$name" ] || cp -L "$name" "$to/common/"
    done
    {
        echo "Bespoke's infra/layers/build.sh built the programs of this layer from these Debian source packages, with"
        echo "Debian's patches and no others:"
        echo
        awk 'NF { printf "    %-10s %s\n", $1, $2 }' <<<"$PINS"
        echo
        echo "and linked them with the static libraries of these packages:"
        echo
        echo "    glibc      $origin $(dpkg-query -W -f '${Version}' "$origin")"
        echo "    gcc        $shared $(dpkg-query -W -f '${Version}' "$shared")"
        echo
        echo "ffmpeg and ffprobe contain libx264, so the GPL applies to them, version 2 or later. The GPL, version 3 or later,"
        echo "applies to espeak-ng. To get a source, run apt-get source NAME=VERSION. Each package has its license in the"
        echo "folder of its name; the folder common has the full licenses."
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

# Copies brand.toml and the folders that it names. The fonts' licenses must accompany the fonts.
put_assets() {
    local to=$out/assets/bespoke/assets
    rm -rf "$out/assets"
    mkdir -p "$to/logo"
    cp "$root/assets/brand.toml" "$to/"
    cp -R "$root/assets/backgrounds" "$root/assets/fonts" "$root/assets/music" "$root/assets/page" "$root/assets/scenes" "$to/"
    cp "$root"/assets/logo/*.png "$root/assets/logo/logo.svg" "$to/logo/"
    find "$out/assets" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +
}

# ---- main ----

# Only one build runs at a time, because both architectures share the sources folder.
exec 9>"$work/.lock"
flock 9
# Each build that downloads refreshes the package lists first; otherwise apt would not find a raised pin.
rm -f "$work/apt/.ready"

# Repeats a step if its version, its recipe, or an earlier step has changed.
install_builders
key=$(echo "$arch $CFLAGS $(declare -f unpack configure espeak_program)" | sha256sum)
ffmpeg_parts="$DEMUXERS $DECODERS $PARSERS $ENCODERS $MUXERS $FILTERS"
for name in $(awk '{ print $1 }' <<<"$PINS"); do
    build=build_${name//-/_}
    key=$(echo "$key $(pinned "$name") $(declare -f "$build") $([ "$name" != ffmpeg ] || echo "$ffmpeg_parts")" | sha256sum)
    [ "$(cat "$work/$arch/$name.stamp" 2>/dev/null)" != "$key" ] || continue
    rm -f "$out/$arch/.stamp"
    say "$arch: building $name $(pinned "$name")"
    # The subshell keeps a step's `cd` from affecting the next. Its status is read afterwards, because bash ignores `set -e`
    # inside a condition.
    set +e
    (
        set -e
        unpack "$name"
        "$build"
    ) >"$logs/$name.log" 2>&1
    status=$?
    set -e
    [ $status = 0 ] || { tail -n 30 "$logs/$name.log" >&2 && fail "failed to build $name; see $logs/$name.log"; }
    echo "$key" >"$work/$arch/$name.stamp"
done

key=$(echo "$key $(declare -f put_media gather_licenses)" | sha256sum)
if [ "$(cat "$out/$arch/.stamp" 2>/dev/null)" = "$key" ] && [ -x "$media/bin/ffmpeg" ]; then
    say "$arch: the programs are up to date"
else
    put_media
    echo "$key" >"$out/$arch/.stamp"
fi
# Copying the assets is faster than checking whether they have changed.
put_assets

say "$arch: sizes in KiB"
for path in "$arch"/media/{bin/ffmpeg,bin/ffprobe,bin/espeak-ng,share/espeak-ng-data,share/licenses,} assets; do
    printf '%8d  %s\n' "$(du -sk --apparent-size "$out/$path" | cut -f 1)" "$path"
done
