"""Run by the clients' Python: CapMonster's own client, unmodified, told nothing but the server's address."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from capmonstercloudclient import CapMonsterClient, ClientOptions  # type: ignore[import-not-found]
from capmonstercloudclient.requests import ImageToTextRequest  # type: ignore[import-not-found]

SAMPLES = Path(__file__).parents[2] / "samples"
BLANK = Path(os.environ["BLANK"])


def client(key: str = os.environ["KEY"]) -> CapMonsterClient:
    return CapMonsterClient(options=ClientOptions(api_key=key, service_url=os.environ["BASE"]))


def asked(picture: Path, **fields: object) -> ImageToTextRequest:
    return ImageToTextRequest(image_bytes=picture.read_bytes(), **fields)


async def read(picture: Path, **fields: object) -> str:
    request = asked(picture, **fields)
    return str((await client().solve_captcha(request))["text"])


async def error_of(call: Awaitable[Any]) -> str:
    try:
        return f"no error but {await call!r}"
    except Exception as error:  # noqa: BLE001 - what a client raises is what is told
        return f"{error} {vars(error)}"


async def main() -> None:
    label = SAMPLES / "label.png"
    wrong = client("f" * 32)
    told = {
        "read": await read(label),
        "options": await read(label, case=True, numeric=0, math=False, threshold=10),
        "sum": await read(SAMPLES / "sum.png", math=True),
        "many": await asyncio.gather(*(read(label) for _ in range(4))),
        "balance": (await client().get_balance())["balance"],
        "wrong key": await error_of(wrong.solve_captcha(asked(label))),
        "wrong key balance": await error_of(wrong.get_balance()),
        "unsolvable": await error_of(read(BLANK)),
    }
    sys.stdout.write(json.dumps(told))


asyncio.run(main())
