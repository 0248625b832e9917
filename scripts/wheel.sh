#!/usr/bin/env bash
# Builds the wheel, installs it with the locked packages into a fresh environment and looks at it from outside the checkout.
# Usage: wheel.sh PYTHON EMPTY_FOLDER. Needs the development environment.
set -euo pipefail
python=$1 folder=$2
cd "$(dirname "$0")/.."
root=$PWD
"${ANSWERDESK_VENV:-.venv}/bin/just" build "$folder/dist"
"$python" -m venv "$folder/venv"
installing=("$folder/venv/bin/python" -m pip --disable-pip-version-check -qq install --only-binary :all:)
"${installing[@]}" --require-hashes -r requirements/image.txt
"${installing[@]}" --no-deps --no-index "$folder"/dist/*.whl
cd "$folder"
"$folder/venv/bin/python" -I "$root/scripts/inspect_wheel.py" "$root/src"
"$folder/venv/bin/answerdesk" --help >/dev/null
echo "the wheel holds every file of src, and every module of it can be imported"
