"""The recogniser and the detector as sessions on onnxruntime: pixels in, beliefs out.

Settings follow one rule: a session never takes more than one core, and never spins while it waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import onnxruntime
from PIL import Image

from answerdesk.solve import weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: the recogniser's line height, and the widths it is given
HEIGHT = 48
NARROWEST = 16
WIDEST = 2400
#: the detector's longest side, its most pixels (its time goes with them), and the multiple its sides must have
SIDE = 960
AREA = 960 * 480
STEP = 32


def session(which: weights.Weights) -> onnxruntime.InferenceSession:
    """Open a session on checked weights."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(weights.read(which), options, providers=["CPUExecutionProvider"])


class Recogniser:
    """Reads one line of text."""

    def __init__(self) -> None:
        self._session = session(weights.RECOGNISER)
        self._input = self._session.get_inputs()[0].name
        shipped = self._session.get_modelmeta().custom_metadata_map["character"].split("\n")
        #: what each column means; column 0 is the blank
        self.alphabet = ("", *shipped, " ")

    def read(self, line: Image.Image) -> NDArray[np.float32]:
        """Return, for each frame from left to right, the belief in each column of the alphabet."""
        width = min(WIDEST, max(NARROWEST, round(HEIGHT * line.width / line.height)))
        pixels = _pixels(line.resize((width, HEIGHT), Image.Resampling.BILINEAR))
        frames: NDArray[np.float32] = self._session.run(None, {self._input: pixels})[0][0]
        return frames


class Heat(msgspec.Struct, frozen=True, eq=False):
    """Where the detector believes text to be, and how many pixels of the picture one cell is."""

    belief: NDArray[np.float32]
    across: float
    down: float


class Detector:
    """Finds where text is."""

    def __init__(self) -> None:
        self._session = session(weights.DETECTOR)
        self._input = self._session.get_inputs()[0].name

    def look(self, picture: Image.Image) -> Heat:
        """Return the belief that each place is text."""
        scale = min(1.0, SIDE / max(picture.size), (AREA / (picture.width * picture.height)) ** 0.5)
        width, height = (max(STEP, round(side * scale / STEP) * STEP) for side in picture.size)
        pixels = _pixels(picture.resize((width, height), Image.Resampling.BILINEAR))
        belief = self._session.run(None, {self._input: pixels})[0][0, 0]
        return Heat(belief, picture.width / width, picture.height / height)


def _pixels(picture: Image.Image) -> NDArray[np.float32]:
    """Lay out a picture as the networks were trained: blue first, -1 to 1, one batch."""
    values = np.asarray(picture, dtype=np.float32)[:, :, ::-1] / 127.5 - 1.0
    return np.ascontiguousarray(values.transpose(2, 0, 1))[np.newaxis]
