"""What strangers send is shown to a person as a picture or as plain text, and as nothing else."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.surfing import Crowd, Person
from tests.serving import Customer, image_task, picture

ORIENTATION = 0x0112
TURNED_RIGHT = 6


@pytest.fixture
def owner(people: Crowd) -> Person:
    return people.owner()


@pytest.fixture
def customer(people: Crowd) -> Customer:
    return people.desk.customer()


def shown(person: Person) -> Page:
    """Open the workspace and wait for its task."""
    person.page.goto("/work")
    expect(person.page.locator('[data-id="task"]')).to_be_visible()
    return person.page


def polyglot() -> bytes:
    """A GIF that a careless browser may take for a page: it carries one in a comment and another behind its end."""
    page = b"<html><script>document.title='taken over'</script>"
    file = io.BytesIO()
    Image.new("P", (60, 20)).save(file, "GIF", comment=page)
    return file.getvalue() + page


def media_of(person: Person) -> dict[str, Any]:
    """Claim as the signed-in person and fetch the picture, as the page does."""
    person.page.goto("/me")
    fetched: dict[str, Any] = person.page.evaluate(
        """async () => {
            const claim = {method: 'POST', headers: {'content-type': 'application/json'}, body: '{}'};
            const {leases} = await (await fetch('/api/work/claim', claim)).json();
            const url = leases[0].question.media[0].url;
            const reply = await fetch(url);
            const bytes = new Uint8Array(await reply.arrayBuffer());
            return {url, headers: Object.fromEntries(reply.headers), text: String.fromCharCode(...bytes)};
        }"""
    )
    return fetched


def test_a_picture_that_is_a_page_too_is_served_as_a_fresh_png(owner: Person, customer: Customer):
    customer.ask(body=base64.b64encode(polyglot()).decode())
    fetched = media_of(owner)

    assert fetched["text"][1:4] == "PNG"
    assert "taken over" not in fetched["text"]
    assert fetched["headers"]["content-type"] == "image/png"
    assert fetched["headers"]["x-content-type-options"] == "nosniff"
    assert fetched["headers"]["content-security-policy"] == "default-src 'none'; sandbox"
    with owner.page.expect_download():
        # Opened by itself it is kept as a file, never shown.
        owner.page.evaluate("url => { location.href = url; }", fetched["url"])


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='document.title=1'></svg>".ljust(200),
        picture()[:16] + (30_000).to_bytes(4, "big") * 2 + picture()[24:],
    ],
    ids=["svg", "30,000 pixels square"],
)
def test_what_no_person_should_see_is_refused_when_it_comes(customer: Customer, data: bytes):
    assert customer.create(image_task(data)).json["errorId"] != 0


def test_a_picture_whose_pixels_are_broken_never_reaches_a_person(owner: Person, customer: Customer):
    broken = bytearray(picture(1, (200, 100)))
    broken[60:120] = bytes(60)
    task = customer.ask(body=base64.b64encode(bytes(broken)).decode())
    owner.forgive("status of 410")
    owner.page.goto("/work")

    assert customer.poll(task, wait=20).json["errorCode"] is not None
    expect(owner.page.locator('[data-id="state"]')).to_be_visible()


def test_a_photograph_taken_sideways_stands_upright(owner: Person, customer: Customer):
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED_RIGHT
    file = io.BytesIO()
    Image.new("RGB", (200, 80), "red").save(file, "JPEG", exif=exif)
    customer.ask(body=base64.b64encode(file.getvalue()).decode())
    picture = shown(owner).locator('[data-id="stage"] img').first
    expect(picture).to_be_visible()

    assert picture.evaluate("img => [img.naturalWidth, img.naturalHeight]") == [80, 200]


@pytest.mark.parametrize(
    "words",
    [
        "<img src=x onerror=\"document.title='taken over'\">",
        "</script><script>document.title='taken over'</script>",
        "javascript:document.title='taken over'",
        "{{7*7}} ${7*7} %0d%0a",
    ],
)
def test_words_of_strangers_are_only_ever_words(owner: Person, customer: Customer, words: str):
    customer.ask(comment=words)
    page = shown(owner)

    expect(page.locator("h1")).to_contain_text(words)
    assert "taken over" not in page.title()
    assert page.locator("main script, main img[src=x]").count() == 0


def test_signs_that_turn_the_text_round_are_made_visible(owner: Person, customer: Customer):
    customer.ask(comment="cash \u202e evael \u0007 end")
    asked = shown(owner).locator("h1").inner_text()

    assert "\u202e" not in asked
    assert "\u0007" not in asked
    assert "evael" in asked
