"""Media under a lease: originals for machines, clean copies for people, and what becomes of undecodable ones."""

from __future__ import annotations

import io
import struct
import zlib
from base64 import b64encode

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.serving import Serving


@pytest.fixture
def machine(server: Serving):
    return server.worker(machine=True)


def oriented_jpeg() -> bytes:
    """A red bar on its side, with a camera's name and the note that it must be turned."""
    image = Image.new("RGB", (80, 40), "white")
    image.paste((255, 0, 0), (0, 0, 80, 10))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "SECRET CAMERA"
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, comment=b"SECRET COMMENT")
    return file.getvalue()


def broken_png() -> bytes:
    """A header that promises a picture, and no picture after it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60, 20, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\x00\x00\x10\x00IDAT" + b"nothing of the sort " * 10


def test_machines_get_the_original_bytes_and_people_a_clean_upright_copy(server, customer):
    machine, original = server.worker(machine=True), oriented_jpeg()
    customer.create({"type": "ImageToTextTask", "body": b64encode(original).decode()})
    lease = machine.take()
    for_machine = lease["question"]["media"][0]
    to_machine = machine.media(for_machine["url"])
    person = server.worker()
    person.claim()
    machine.decline(lease)
    for_person = person.take()["question"]["media"][0]
    to_person = person.media(for_person["url"])
    copy = Image.open(io.BytesIO(to_person.body))
    red, _, blue = copy.convert("RGB").crop((32, 10, 38, 70)).resize((1, 1)).tobytes()

    assert to_machine.body == original
    assert to_machine.headers["content-type"] == for_machine["type"] == "image/jpeg"
    assert to_person.headers["content-type"] == for_person["type"] == "image/png"
    assert (copy.format, copy.size) == ("PNG", (40, 80))
    assert red > 200
    assert blue < 60
    assert not copy.getexif()
    assert not copy.info.keys() & {"exif", "comment"}
    assert b"SECRET" not in to_person.body
    for reply in (to_machine, to_person):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in reply.headers["content-security-policy"]
        assert "no-store" in reply.headers["cache-control"]


def test_what_a_png_says_beside_its_pixels_stays_behind(server, customer, person):
    note = PngInfo()
    note.add_text("harness", "unsolvable")
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "magenta").save(file, "PNG", pnginfo=note)
    customer.ask(body=b64encode(file.getvalue() + bytes(100)).decode())

    seen = person.media(person.take()["question"]["media"][0]["url"])

    assert Image.open(io.BytesIO(seen.body)).info == {}


@pytest.mark.parametrize("index", ["1", "-1", "x", "", "00000000000", "٣", "0/0", "9" * 400])
def test_media_that_are_not_there_are_404(customer, person, index):
    customer.ask()
    lease = person.take()

    assert person.media(f"/api/work/media/{lease['lease']}/{index}".encode("ascii", "replace").decode()).status == 404


def spoilt(server, customer):
    """Ask with a picture that nobody can decode."""
    return customer.create({"type": "ImageToTextTask", "body": b64encode(broken_png()).decode()})


def test_a_picture_that_is_broken_for_a_machine_and_for_us_ends_its_task_free(server, customer, machine):
    task = spoilt(server, customer).json["taskId"]
    server.worker().claim()
    verdict = machine.decline(machine.take(), "broken").json
    reply = customer.poll(task, 0).json

    assert verdict["paid"] == "0"
    assert reply["errorId"] == 12
    assert customer.balance() == 1
    assert server.books_are_right()


def test_a_picture_a_machine_calls_broken_but_is_not_goes_on_to_people(server, customer, machine):
    person = server.worker()
    person.claim()
    task = customer.ask()
    machine.decline(machine.take(), "broken")

    assert person.take()["task"] == task


def test_a_person_who_fetches_a_broken_picture_is_told_and_its_task_ends_free(server, customer, person):
    task = spoilt(server, customer).json["taskId"]
    lease = person.take()
    fetched = person.media(lease["question"]["media"][0]["url"])
    verdict = person.answer(lease, "abc").json

    assert fetched.status == 410
    assert fetched.json.keys() == {"error"}
    assert customer.poll(task, 0).json["errorId"] == 12
    assert (verdict["accepted"], verdict["why"]) == (False, "settled")
    assert customer.balance() == 1
