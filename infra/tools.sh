#!/bin/sh
# Installs the Python programs that deploying and its tests need, each in a folder of its own below target/tools, by the
# pinned list tests/requirements/NAME.txt. Does nothing for those that are there.
set -eu
cd "$(dirname "$0")/.."

for name in "$@"; do
    list="tests/requirements/$name.txt"
    folder="target/tools/$name"
    if [ -f "$folder/.installed" ] && cmp -s "$list" "$folder/.installed"; then continue; fi
    echo "tools: installing $name into $folder"
    rm -rf "$folder"
    mkdir -p target/tools
    # Debian ships Python without the part that makes such a folder.
    if ! python3 -m venv "$folder" >/dev/null 2>&1; then
        infra/setup.sh python3-venv
        rm -rf "$folder"
        python3 -m venv "$folder"
    fi
    "$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$list"
    cp "$list" "$folder/.installed"
done
