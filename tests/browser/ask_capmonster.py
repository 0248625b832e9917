"""Run by the clients' Python: CapMonster's own client asks about one picture and prints what it is told."""

import asyncio
import os
import sys
from pathlib import Path

from capmonstercloudclient import CapMonsterClient, ClientOptions  # type: ignore[import-not-found]
from capmonstercloudclient.requests import ImageToTextRequest  # type: ignore[import-not-found]


async def main(picture: bytes) -> None:
    client = CapMonsterClient(options=ClientOptions(api_key=os.environ["KEY"], service_url=os.environ["BASE"]))
    told = await client.solve_captcha(ImageToTextRequest(image_bytes=picture))
    sys.stdout.write(str(told["text"]))


asyncio.run(main(Path(sys.argv[1]).read_bytes()))
