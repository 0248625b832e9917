"""What another site can do with somebody who is signed in here: nothing (UX §4)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.browser.surfing import Crowd


@contextlib.contextmanager
def another_site(body: str) -> Iterator[str]:
    """Serve one page of somebody else's at an address of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_address[1]}/"
        server.shutdown()


def test_another_sites_form_does_nothing_here(people: Crowd):
    owner = people.owner().forgive("403")
    owner.page.wait_for_url("**/team")
    who = owner.page.url.rpartition("/")[0]
    form = f'<form method="post" action="{who}/sign-out"><button>Win a prize</button></form>'
    with another_site(form) as address:
        trap = owner.tab()
        trap.goto(address)
        trap.get_by_role("button").click()
        expect(trap.get_by_text("another page than this desk")).to_be_visible()

    assert owner.page.goto("/team").url.endswith("/team")  # type: ignore[union-attr]


@pytest.mark.parametrize("path", ["/team", "/work", "/sign-in"])
def test_no_page_shows_in_a_frame(people: Crowd, path: str):
    owner = people.owner().forgive("frame-ancestors|X-Frame-Options|refused to connect")
    owner.page.wait_for_url("**/team")
    with another_site(f'<iframe src="{people.desk.url}{path}"></iframe>') as address:
        trap = owner.tab()
        trap.goto(address)
        trap.wait_for_load_state("networkidle")

        assert trap.frames[-1].url.startswith("chrome-error:")
        assert trap.frames[-1].get_by_role("link", name="answerdesk").count() == 0


def test_a_script_of_another_site_reads_nothing(people: Crowd):
    owner = people.owner().forgive("CORS|ERR_FAILED|NotSameOrigin|blocked")
    owner.page.wait_for_url("**/team")
    with another_site("<p>hello</p>") as address:
        trap = owner.tab()
        trap.goto(address)
        read = trap.evaluate(
            "async (url) => fetch(url, { credentials: 'include' }).then((reply) => reply.status, () => 0)",
            owner.page.url,
        )

    assert read == 0
