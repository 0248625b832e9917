#!/bin/sh
# Pins every package this project installs, with hashes, for Python 3.11 to 3.13 on Linux. Arguments go to the resolver, e.g. --upgrade.
# The versions already in requirements/ are kept unless the arguments say otherwise. Needs `uv`, which `just setup` installs.
set -eu
cd "$(dirname "$0")/.."
# Only what pyproject.toml says may steer the result: neither this machine's package indexes nor its configuration.
for name in $(env | sed -n 's/^\(\(UV\|PIP\)_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done

pin() {
    target=$1
    shift
    echo "requirements/$target"
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command "just lock" --output-file "requirements/$target" "$@"
}

pin dev.txt pyproject.toml --all-extras --group test --group lint --group build --group bench "$@"
pin runtime.txt pyproject.toml --extra ocr --constraint requirements/dev.txt "$@"
pin image.txt pyproject.toml --all-extras --constraint requirements/dev.txt "$@"
pin build.txt --group build --constraint requirements/dev.txt "$@"
