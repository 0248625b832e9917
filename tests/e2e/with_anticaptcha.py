"""Run by the clients' Python: an Anti-Captcha client, unmodified, told nothing but the server's address."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from python_anticaptcha import (  # type: ignore[import-not-found]
    AnticaptchaClient,
    AsyncAnticaptchaClient,
    ImageToTextTask,
)

SAMPLES = Path(__file__).parents[2] / "samples"
BLANK = Path(os.environ["BLANK"])
WHERE = {"host": os.environ["BASE"].removeprefix("http://"), "use_ssl": False}


def client(key: str = os.environ["KEY"]) -> AnticaptchaClient:
    return AnticaptchaClient(key, **WHERE)


def job(picture: Path, **fields: object) -> Any:
    made = client().create_task(ImageToTextTask(picture.read_bytes(), **fields))
    made.join(maximum_time=60)
    return made


async def read_async(picture: bytes) -> str:
    async with AsyncAnticaptchaClient(os.environ["KEY"], **WHERE) as line:
        made = await line.create_task(ImageToTextTask(picture))
        await made.join(maximum_time=60)
        return str(made.get_captcha_text())


def error_of(call: Callable[[], object]) -> str:
    try:
        return f"no error but {call()!r}"
    except Exception as error:  # noqa: BLE001 - what a client raises is what is told
        return f"{error} {vars(error)}"


def main() -> None:
    label = SAMPLES / "label.png"
    reported = job(SAMPLES / "word.png", phrase=False, case=True, min_length=1, max_length=20, comment="type it")
    before = client().get_balance()
    told = {
        "read": job(label).get_captcha_text(),
        "async": asyncio.run(read_async(label.read_bytes())),
        "word": reported.get_captcha_text(),
        "balance": client().get_balance(),
        "before": before,
        "reported": reported.report_incorrect_image(),
        "after report": client().get_balance(),
        "wrong key": error_of(lambda: client("f" * 32).create_task(ImageToTextTask(label.read_bytes()))),
        "unknown id": error_of(lambda: client().get_task_result(987_654_321)),
        "unsolvable": error_of(lambda: job(BLANK)),
    }
    sys.stdout.write(json.dumps(told))


main()
