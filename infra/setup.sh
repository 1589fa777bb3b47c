#!/bin/sh
# Installs the programs named as arguments that are missing, after saying so: system programs with the system's package
# manager, cargo's own with cargo. Changes nothing if all are there.
set -eu

missing=""
for program in "$@"; do
    case $program in
    # Debian's name for what a library is built against.
    lib*-dev) dpkg -s "$program" >/dev/null 2>&1 || missing="$missing $program" ;;
    *) command -v "$program" >/dev/null 2>&1 || missing="$missing $program" ;;
    esac
done
[ -n "$missing" ] || exit 0

for program in $missing; do
    case $program in
    cargo-*)
        echo "setup: installing $program with cargo"
        cargo install --locked --quiet "$program"
        continue
        ;;
    esac

    as_root=""
    if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null 2>&1; then as_root="sudo"; fi
    if command -v apt-get >/dev/null 2>&1; then
        echo "setup: installing $program with apt-get"
        [ -n "${updated:-}" ] || $as_root apt-get -qq update
        updated=yes
        DEBIAN_FRONTEND=noninteractive $as_root apt-get -qq install -y "$program" >/dev/null
    elif command -v dnf >/dev/null 2>&1; then
        echo "setup: installing $program with dnf"
        $as_root dnf install -y -q "$program"
    elif command -v pacman >/dev/null 2>&1; then
        echo "setup: installing $program with pacman"
        $as_root pacman -S --noconfirm --needed "$program"
    elif command -v brew >/dev/null 2>&1; then
        echo "setup: installing $program with brew"
        brew install --quiet "$program"
    else
        echo "setup: $program is missing, and no package manager that this script knows is here; please install it" >&2
        exit 5
    fi
done
