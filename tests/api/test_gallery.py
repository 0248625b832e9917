"""Where the operator publishes pictures, an Anti-Captcha reply names one only its reader finds (PROTOCOL §3.3)."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.serving import Serving, picture


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    with Serving(tmp_path_factory.mktemp("published"), publish_media="true", dialect="anticaptcha") as server:
        yield server


def answered(server):
    customer, worker = server.customer(), server.worker()
    task = customer.ask()
    worker.answer(worker.take(), "abc")
    return task, customer.poll(task).json["solution"]


def test_a_published_picture_is_found_by_its_name_alone(published):
    task, solution = answered(published)
    path = urlsplit(solution["url"]).path
    shown = published.http.get(path)
    wrong = path.replace("-", "-0", 1)

    assert solution["text"] == "abc"
    assert shown.status == 200
    assert shown.body.startswith(b"\x89PNG")
    assert shown.body != picture()
    for guess in (f"/media/{task}.png", wrong, "/media/", "/media/-.png", f"/media/{task}-{'0' * 32}.png"):
        assert published.http.get(guess).status == 404


def test_the_reply_is_the_same_each_time(published):
    customer, worker = published.customer(), published.worker()
    task = customer.ask()
    worker.answer(worker.take(), "abc")

    assert len({customer.poll(task).body for _ in range(3)}) == 1


def test_nothing_is_published_unless_the_operator_says_so(server):
    customer, worker = server.customer(dialect="anticaptcha"), server.worker()
    task = customer.ask()
    worker.answer(worker.take(), "abc")

    assert customer.poll(task).json["solution"] == {"text": "abc"}
    assert server.http.get(f"/media/{task}-{'0' * 32}.png").status == 404
