"""Draws the sample pictures beside this file: a serial, a sum and a word.

Run it with `python samples/draw.py`. The font is the one inside Pillow, so the pictures come out the same anywhere.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

PAPER = (246, 244, 238)
INK = (38, 44, 58)

#: file name → what is written on it
SAMPLES = {"label": "SN-4827-K19", "sum": "12 + 7 = ?", "word": "harbour"}


def draw(text: str) -> Image.Image:
    """Write a text on a small card."""
    font = ImageFont.load_default(44)
    left, top, right, bottom = font.getbbox(text)
    margin = 18
    picture = Image.new("RGB", (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin), PAPER)
    ImageDraw.Draw(picture).text((margin - left, margin - top), text, fill=INK, font=font)
    return picture


def main() -> None:
    """Write the samples."""
    for name, text in SAMPLES.items():
        draw(text).save(Path(__file__).with_name(f"{name}.png"), optimize=True)


if __name__ == "__main__":
    main()
