"""Where the networks' weights lie: in the installed rapidocr wheel, used only when their sha256 is the known one.

The package that ships them is located, never imported, and nothing is ever downloaded.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

import msgspec


class WeightsMissing(RuntimeError):
    """The weights are not installed, or are not the ones this version was measured with."""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """One weights file of a package."""

    package: str
    file: str
    sha256: str


RECOGNISER = Weights(
    package="rapidocr",
    file="models/PP-OCRv6_rec_small.onnx",
    sha256="6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
)
DETECTOR = Weights(
    package="rapidocr",
    file="models/PP-OCRv6_det_small.onnx",
    sha256="090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
)


def locate(weights: Weights) -> Path:
    """Find the file of these weights; does not read it."""
    spec = find_spec(weights.package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / weights.file
        if path.is_file():
            return path
    message = f'{weights.package} does not hold {weights.file}; install the extra "ocr" (answerdesk[ocr])'
    raise WeightsMissing(message)


def read(weights: Weights) -> bytes:
    """Read the weights, checked."""
    path = locate(weights)
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != weights.sha256:
        message = f"{path} has the sha256 {found}; accepted is {weights.sha256}"
        raise WeightsMissing(message)
    return data
