"""The Python client of answerdesk, for customers (`Client`) and for solvers (`WorkClient`), blocking and async.

```python
from pathlib import Path
from answerdesk_client import Client, Unsolvable

with Client("http://127.0.0.1:8080", "YOUR KEY") as desk:
    try:
        print(desk.solve(Path("meter.png"), numeric=1).text)
    except Unsolvable:
        print("nobody could read it; it cost nothing")
```
"""

from answerdesk_client._client import AsyncClient, Client
from answerdesk_client._errors import AnswerdeskError, Refused, TimedOut, Unavailable, Unsolvable
from answerdesk_client._orders import Order
from answerdesk_client._talk import Retry
from answerdesk_client._values import (
    BoxesOptions,
    Claim,
    Constraints,
    Event,
    GridOptions,
    Held,
    Instruction,
    Lease,
    LedgerLine,
    MarkedOptions,
    Me,
    Media,
    Options,
    Picture,
    PointsOptions,
    Problem,
    Progress,
    Question,
    RotateOptions,
    Solution,
    Sound,
    Task,
    TaskId,
    TextOptions,
    Undone,
    Verdict,
)
from answerdesk_client._work import AsyncWorkClient, WorkClient

__all__ = [
    "AnswerdeskError",
    "AsyncClient",
    "AsyncWorkClient",
    "BoxesOptions",
    "Claim",
    "Client",
    "Constraints",
    "Event",
    "GridOptions",
    "Held",
    "Instruction",
    "Lease",
    "LedgerLine",
    "MarkedOptions",
    "Me",
    "Media",
    "Options",
    "Order",
    "Picture",
    "PointsOptions",
    "Problem",
    "Progress",
    "Question",
    "Refused",
    "Retry",
    "RotateOptions",
    "Solution",
    "Sound",
    "Task",
    "TaskId",
    "TextOptions",
    "TimedOut",
    "Unavailable",
    "Undone",
    "Unsolvable",
    "Verdict",
    "WorkClient",
]
