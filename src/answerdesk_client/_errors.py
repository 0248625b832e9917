"""Everything that can go wrong, as one small family: catch `AnswerdeskError` and nothing else escapes."""


class AnswerdeskError(Exception):
    """Any failure of a call; the text says what was wrong."""


class Refused(AnswerdeskError):
    """The server understood the call and said no.

    `code` is the protocol's name for the reason (`ERROR_ZERO_BALANCE`) and `number` the HTTP status. Where the refusal
    is a bare status, as on the work API, `code` is `HTTP_401` and so on.
    """

    def __init__(self, code: str, number: int, description: str) -> None:
        super().__init__(code, number, description)
        self.code = code
        self.number = number
        self.description = description

    def __str__(self) -> str:
        return f"{self.code}: {self.description}" if self.description else self.code


class Unsolvable(Refused):
    """The task is over without an answer: nobody could read it, or the answers never agreed. It is not charged."""


class Unavailable(AnswerdeskError):
    """No usable reply: the network or the server failed for as long as patience lasted, or another protocol spoke."""


class TimedOut(AnswerdeskError):
    """The task was unfinished when the caller's time was up. It goes on: `wait` for `task` again to have its answer."""

    def __init__(self, task: int, timeout: float) -> None:
        super().__init__(task, timeout)
        self.task = task
        self.timeout = timeout

    def __str__(self) -> str:
        return f"task {self.task} was unfinished after {self.timeout:g} seconds; it can still be waited for"
