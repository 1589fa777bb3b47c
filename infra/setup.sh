#!/bin/sh
# Installs the given programs if they are missing.
#
#     infra/setup.sh ffmpeg espeak-ng cargo-deny
#
# Builds cargo subcommands (cargo-*) from source at the versions pinned below, which takes minutes. Installs all other programs
# with the system's package manager, at the version that it offers, which takes seconds. Prints each step before it begins.
# Exits with 5 if there is no known package manager.
set -eu

# Prints the pinned version of a cargo subcommand, and the minutes that its build takes on two cores.
cargo_pin() {
    case $1 in
    cargo-cyclonedx) echo "0.5.9 2" ;;
    cargo-deny) echo "0.20.2 5" ;;
    cargo-fuzz) echo "0.13.2 1" ;;
    cargo-machete) echo "0.9.2 1" ;;
    *)
        echo "setup: $1 has no pinned version; add one to cargo_pin in infra/setup.sh" >&2
        return 1
        ;;
    esac
}

is_installed() {
    case $1 in
    # A Debian package with a library's headers does not contain a program to look for.
    lib*-dev) dpkg -s "$1" >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

install_with_cargo() {
    pin=$(cargo_pin "$1")
    echo "setup: building $1 ${pin%% *} with cargo (about ${pin#* } min)"
    cargo install --locked --quiet "$1@${pin%% *}"
}

install_with_system() {
    if command -v apt-get >/dev/null 2>&1; then
        echo "setup: installing $1 with apt-get (seconds)"
        [ -n "${lists_are_fresh:-}" ] || $as_root apt-get -qq update
        lists_are_fresh=yes
        DEBIAN_FRONTEND=noninteractive $as_root apt-get -qq install -y "$1" >/dev/null
    elif command -v dnf >/dev/null 2>&1; then
        echo "setup: installing $1 with dnf (seconds)"
        $as_root dnf install -y -q "$1"
    elif command -v pacman >/dev/null 2>&1; then
        echo "setup: installing $1 with pacman (seconds)"
        $as_root pacman -S --noconfirm --needed "$1"
    elif command -v brew >/dev/null 2>&1; then
        echo "setup: installing $1 with brew (seconds)"
        brew install --quiet "$1"
    else
        echo "setup: found no package manager (apt-get, dnf, pacman, brew); install $1 yourself" >&2
        exit 5
    fi
}

as_root=""
if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null 2>&1; then as_root="sudo"; fi
for program in "$@"; do
    if is_installed "$program"; then continue; fi
    case $program in
    cargo-*) install_with_cargo "$program" ;;
    *) install_with_system "$program" ;;
    esac
done
