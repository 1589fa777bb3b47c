#!/bin/sh
# Writes tests/requirements/NAME.txt from NAME.in: all packages, including indirect dependencies, with versions and hashes.
# Keeps versions that still satisfy the requirements.
#
#     infra/lock.sh                            locks all lists; run it after you edit a NAME.in file
#     infra/lock.sh --upgrade-package NAME     also raises this package to its newest version
set -eu
cd "$(dirname "$0")/.."

infra/tools.sh lock
for input in tests/requirements/*.in; do
    target/tools/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-emit-index-url --custom-compile-command infra/lock.sh \
        --output-file "${input%.in}.txt" "$@" "$input"
done
