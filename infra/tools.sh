#!/bin/sh
# Installs sets of Python programs for deployment and tests, each set into its own folder.
#
#     infra/tools.sh sam emulator     installs tests/requirements/{sam,emulator}.txt to target/tools/{sam,emulator}
#
# The lists pin every package by version and hash; infra/lock.sh writes them. Downloading a set takes from a second to a
# minute. Skips a set if its list has not changed since it was installed.
set -eu
cd "$(dirname "$0")/.."

for name in "$@"; do
    list="tests/requirements/$name.txt"
    folder="target/tools/$name"
    if [ -f "$folder/.installed" ] && cmp -s "$list" "$folder/.installed"; then continue; fi
    echo "tools: installing $name into $folder"
    rm -rf "$folder"
    mkdir -p target/tools
    # Debian ships Python without the module that creates virtual environments.
    if ! python3 -m venv "$folder" >/dev/null 2>&1; then
        infra/setup.sh python3-venv
        rm -rf "$folder"
        python3 -m venv "$folder"
    fi
    # The list is complete, so pip does not have to look for dependencies.
    "$folder/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
        --requirement "$list"
    cp "$list" "$folder/.installed"
done
