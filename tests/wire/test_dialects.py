"""What each dialect prints, byte for byte, for every reply and every fault."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from answerdesk.model import money
from answerdesk.model.account import Millis
from answerdesk.model.catalog import CATALOG
from answerdesk.model.fault import Fault
from answerdesk.model.money import Micros
from answerdesk.model.question import Kind
from answerdesk.model.talk import Balance, Created, Method, Processing, Refused, Reply, Reported
from answerdesk.model.task import LARGEST_ID, TaskId
from answerdesk.wire import DIALECTS, Dialect, choose
from tests.wire.samples import ready

REPLIES: dict[str, tuple[Reply, Method, str, str, str]] = {
    # reply, method → capmonster, 2captcha, anticaptcha
    "created": (
        Created(task=TaskId(1837465021)),
        Method.CREATE,
        '{"errorId":0,"taskId":1837465021}',
        '{"errorId":0,"taskId":1837465021}',
        '{"errorId":0,"taskId":1837465021}',
    ),
    "processing": (
        Processing(),
        Method.RESULT,
        '{"errorId":0,"errorCode":null,"errorDescription":null,"status":"processing"}',
        '{"errorId":0,"status":"processing"}',
        '{"errorId":0,"status":"processing"}',
    ),
    "ready": (
        ready("жук №1"),
        Method.RESULT,
        '{"errorId":0,"status":"ready","solution":{"text":"жук №1"}}',
        '{"errorId":0,"status":"ready","solution":{"text":"жук №1"},"cost":"0.00299","ip":"1.2.3.4",'
        '"createTime":1692863536,"endTime":1692863556,"solveCount":1}',
        '{"errorId":0,"status":"ready","solution":{"text":"жук №1"},"cost":"0.00299","ip":"1.2.3.4",'
        '"createTime":1692863536,"endTime":1692863556,"solveCount":1}',
    ),
    "balance": (
        Balance(amount=Micros(345_678_000)),
        Method.BALANCE,
        '{"errorId":0,"balance":345.678}',
        '{"errorId":0,"balance":345.678}',
        '{"errorId":0,"balance":345.678,"captchaCredits":0}',
    ),
    "smallest balance": (
        Balance(amount=Micros(1)),
        Method.BALANCE,
        '{"errorId":0,"balance":0.000001}',
        '{"errorId":0,"balance":0.000001}',
        '{"errorId":0,"balance":0.000001,"captchaCredits":0}',
    ),
    "no balance": (
        Balance(amount=Micros(0)),
        Method.BALANCE,
        '{"errorId":0,"balance":0}',
        '{"errorId":0,"balance":0}',
        '{"errorId":0,"balance":0,"captchaCredits":0}',
    ),
    "reported": (
        Reported(),
        Method.REPORT_INCORRECT,
        '{"errorId":0,"status":"success"}',
        '{"errorId":0,"status":"success"}',
        '{"errorId":0,"status":"success"}',
    ),
    "refused creation": (
        Refused(fault=Fault.KEY_DOES_NOT_EXIST, detail='no such "key"'),
        Method.CREATE,
        '{"errorId":1,"errorCode":"ERROR_KEY_DOES_NOT_EXIST","errorDescription":"no such \\"key\\"","taskId":0}',
        '{"errorId":1,"errorCode":"ERROR_KEY_DOES_NOT_EXIST","errorDescription":"no such \\"key\\""}',
        '{"errorId":1,"errorCode":"ERROR_KEY_DOES_NOT_EXIST","errorDescription":"no such \\"key\\""}',
    ),
}
CASES = [
    pytest.param(dialect, reply, method, said, id=f"{dialect}-{name}")
    for name, (reply, method, *printed) in REPLIES.items()
    for dialect, said in zip(("capmonster", "2captcha", "anticaptcha"), printed, strict=True)
]


@pytest.mark.parametrize(("dialect", "reply", "method", "said"), CASES)
def test_a_reply_is_written_to_the_byte(dialect: str, reply: Reply, method: Method, said: str) -> None:
    assert DIALECTS[dialect].write(reply, method).decode() == said


#: PROTOCOL §5.1, and the nearest code where a vendor has none: capmonster's code, 2captcha's and anticaptcha's row.
FAULTS = {
    Fault.KEY_DOES_NOT_EXIST: ("KEY_DOES_NOT_EXIST", (1, "KEY_DOES_NOT_EXIST"), (1, "KEY_DOES_NOT_EXIST")),
    Fault.NO_SLOT_AVAILABLE: ("NO_SLOT_AVAILABLE", (2, "NO_SLOT_AVAILABLE"), (2, "NO_SLOT_AVAILABLE")),
    Fault.ZERO_CAPTCHA_FILESIZE: ("ZERO_CAPTCHA_FILESIZE", (3, "ZERO_CAPTCHA_FILESIZE"), (3, "ZERO_CAPTCHA_FILESIZE")),
    Fault.TOO_BIG_CAPTCHA_FILESIZE: (
        "TOO_BIG_CAPTCHA_FILESIZE",
        (4, "TOO_BIG_CAPTCHA_FILESIZE"),
        (4, "TOO_BIG_CAPTCHA_FILESIZE"),
    ),
    Fault.PAGEURL: ("BAD_PARAMETERS", (5, "PAGEURL"), (110, "BAD_PARAMETERS")),
    Fault.ZERO_BALANCE: ("ZERO_BALANCE", (10, "ZERO_BALANCE"), (10, "ZERO_BALANCE")),
    Fault.IP_NOT_ALLOWED: ("IP_NOT_ALLOWED", (11, "IP_NOT_ALLOWED"), (11, "IP_NOT_ALLOWED")),
    Fault.CAPTCHA_UNSOLVABLE: ("CAPTCHA_UNSOLVABLE", (12, "CAPTCHA_UNSOLVABLE"), (12, "CAPTCHA_UNSOLVABLE")),
    Fault.BAD_DUPLICATES: ("CAPTCHA_UNSOLVABLE", (13, "BAD_DUPLICATES"), (13, "BAD_DUPLICATES")),
    Fault.NO_SUCH_METHOD: ("NO_SUCH_METHOD", (14, "NO_SUCH_METHOD"), (14, "NO_SUCH_METHOD")),
    Fault.IMAGE_TYPE_NOT_SUPPORTED: (
        "IMAGE_TYPE_NOT_SUPPORTED",
        (15, "IMAGE_TYPE_NOT_SUPPORTED"),
        (15, "IMAGE_TYPE_NOT_SUPPORTED"),
    ),
    Fault.NO_SUCH_CAPCHA_ID: ("NO_SUCH_CAPCHA_ID", (16, "NO_SUCH_CAPCHA_ID"), (16, "NO_SUCH_CAPCHA_ID")),
    Fault.EMPTY_COMMENT: ("BAD_PARAMETERS", (110, "BAD_PARAMETERS"), (20, "EMPTY_COMMENT")),
    Fault.IP_BLOCKED: ("IP_BANNED", (21, "IP_BLOCKED"), (21, "IP_BLOCKED")),
    Fault.TOO_MUCH_REQUESTS: ("TOO_MUCH_REQUESTS", (21, "IP_BLOCKED"), (21, "IP_BLOCKED")),
    Fault.TASK_ABSENT: ("TASK_ABSENT", (22, "TASK_ABSENT"), (22, "TASK_ABSENT")),
    Fault.TASK_NOT_SUPPORTED: ("TASK_NOT_SUPPORTED", (23, "TASK_NOT_SUPPORTED"), (23, "TASK_NOT_SUPPORTED")),
    Fault.RECAPTCHA_INVALID_SITEKEY: (
        "RECAPTCHA_INVALID_SITEKEY",
        (31, "RECAPTCHA_INVALID_SITEKEY"),
        (31, "RECAPTCHA_INVALID_SITEKEY"),
    ),
    Fault.ACCOUNT_SUSPENDED: ("ACCOUNT_SUSPENDED", (55, "ACCOUNT_SUSPENDED"), (55, "ACCOUNT_SUSPENDED")),
    Fault.BAD_PARAMETERS: ("BAD_PARAMETERS", (110, "BAD_PARAMETERS"), (110, "BAD_PARAMETERS")),
    Fault.BAD_IMGINSTRUCTIONS: ("BAD_PARAMETERS", (115, "BAD_IMGINSTRUCTIONS"), (110, "BAD_PARAMETERS")),
}


def _rows() -> Sequence[object]:
    rows = []
    for fault, (capmonster, twocaptcha, anticaptcha) in FAULTS.items():
        printed = {"capmonster": (1, capmonster), "2captcha": twocaptcha, "anticaptcha": anticaptcha}
        rows += [pytest.param(name, fault, *row, id=f"{name}-{fault}") for name, row in printed.items()]
    return rows


@pytest.mark.parametrize(("dialect", "fault", "number", "code"), _rows())
def test_a_fault_has_the_vendors_number_and_code(dialect: str, fault: Fault, number: int, code: str) -> None:
    detail = "Workers could not solve the Captcha"

    said = DIALECTS[dialect].write(Refused(fault=fault, detail=detail), Method.RESULT)

    assert said.decode() == f'{{"errorId":{number},"errorCode":"ERROR_{code}","errorDescription":"{detail}"}}'


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_every_fault_but_unavailable_has_a_row(dialect: Dialect) -> None:
    assert set(dialect.faults) == set(Fault) - {Fault.UNAVAILABLE} == set(FAULTS)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("row", CATALOG.values(), ids=CATALOG)
def test_every_type_has_a_solution_in_every_dialect(dialect: Dialect, row) -> None:
    answer = ready({"token": "t"}, kind=row.kind) if row.kind is Kind.TOKEN else ready(kind=row.kind)

    assert json.loads(dialect.write(answer, Method.RESULT))["solution"]


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.QUESTION, Kind.AUDIO])
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_text_stays_a_text_even_when_it_is_a_sum(dialect: Dialect, kind: Kind) -> None:
    assert json.loads(dialect.write(ready("12", kind=kind), Method.RESULT))["solution"] == {"text": "12"}


def test_capmonster_says_disagreement_in_the_words_of_unsolvable() -> None:
    said = DIALECTS["capmonster"].write(Refused(fault=Fault.BAD_DUPLICATES, detail="never agreed"), Method.RESULT)

    assert json.loads(said)["errorDescription"] == "Workers could not solve the Captcha"


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_cancelled_by_operator_keeps_its_words(dialect: Dialect) -> None:
    said = dialect.write(Refused(fault=Fault.CAPTCHA_UNSOLVABLE, detail="cancelled by operator"), Method.RESULT)

    assert json.loads(said)["errorDescription"] == "cancelled by operator"


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("detail", ["", "x" * 300, "x" * 301, "é" * 5000])
def test_a_description_is_never_empty_and_never_long(dialect: Dialect, detail: str) -> None:
    said = json.loads(dialect.write(Refused(fault=Fault.BAD_PARAMETERS, detail=detail), Method.CREATE))

    assert 1 <= len(said["errorDescription"]) <= 300
    assert said["errorDescription"].startswith(detail[:299])


#: Every name a client may meet in a body (PROTOCOL T10).
ALLOWED = {
    *("errorId", "errorCode", "errorDescription", "status", "solution", "cost", "ip"),
    *("createTime", "endTime", "solveCount", "balance", "captchaCredits"),
}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("row", REPLIES.values(), ids=REPLIES)
def test_only_known_fields_are_sent(dialect: Dialect, row) -> None:
    reply, method, *_ = row
    said = json.loads(dialect.write(reply, method))

    assert set(said) <= ALLOWED | ({"taskId"} if method is Method.CREATE else set())


micros = st.integers(0, money.MOST).map(Micros)


@given(amount=micros)
def test_a_balance_reads_back_as_printed(amount: Micros) -> None:
    for dialect in DIALECTS.values():
        said = dialect.write(Balance(amount=amount), Method.BALANCE).decode()
        printed = json.loads(said, parse_float=str, parse_int=str)["balance"]

        assert money.parse(printed) == amount


@given(amount=micros)
def test_a_cost_reads_back_as_printed_with_five_decimals_or_more(amount: Micros) -> None:
    said = json.loads(DIALECTS["2captcha"].write(ready(cost=amount), Method.RESULT))["cost"]

    assert money.parse(said) == amount
    assert len(said.partition(".")[2]) >= 5


@given(task=st.integers(1, LARGEST_ID))
def test_a_created_id_is_a_json_integer(task: int) -> None:
    for dialect in DIALECTS.values():
        assert json.loads(dialect.write(Created(task=TaskId(task)), Method.CREATE))["taskId"] == task


@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_the_wire(value: str) -> None:
    for dialect in DIALECTS.values():
        assert json.loads(dialect.write(ready(value), Method.RESULT))["solution"]["text"] == value


@given(created=st.integers(0, 2**42), took=st.integers(0, 10**7))
def test_a_task_never_ends_before_it_began(created: int, took: int) -> None:
    moved = msgspec.structs.replace(ready(), created=Millis(created), ended=Millis(created + took))
    said = json.loads(DIALECTS["2captcha"].write(moved, Method.RESULT))

    assert said["createTime"] <= said["endTime"]


def test_case_matters_by_default_only_in_anticaptcha() -> None:
    assert {name: dialect.case_default for name, dialect in DIALECTS.items()} == {
        "capmonster": False,
        "2captcha": False,
        "anticaptcha": True,
    }


CHOICES = [
    # host, account, user agent, softId → dialect, with anticaptcha as the server's default
    ("127.0.0.1:8080", None, "", None, "anticaptcha"),
    ("api.capmonster.cloud", "2captcha", "", None, "capmonster"),
    ("API.2Captcha.com:443", "capmonster", "Zennolab.CapMonsterCloud.Client.Js/1.0", 54, "2captcha"),
    ("api.rucaptcha.com.", None, "", None, "2captcha"),
    ("api.anti-captcha.com", "2captcha", "", None, "anticaptcha"),
    ("desk.example", "2captcha", "Zennolab.CapMonsterCloud.Client.Py/1.0", 55, "2captcha"),
    ("desk.example", "unheard of", "Zennolab.CapMonsterCloud.Client.Py/1.0", None, "capmonster"),
    ("desk.example", None, "curl/8", 53, "capmonster"),
    ("desk.example", None, "curl/8", "54", "capmonster"),
    ("desk.example", None, "curl/8", 1899, "anticaptcha"),
    ("desk.example", None, "curl/8", [54], "anticaptcha"),
    ("desk.example", None, "curl/8", {"a": 1}, "anticaptcha"),
    ("[::1]:8080", None, "", 10**5000, "anticaptcha"),
    ("", None, "", None, "anticaptcha"),
]


@pytest.mark.parametrize(("host", "account", "agent", "soft_id", "name"), CHOICES, ids=range(len(CHOICES)))
def test_what_is_explicit_decides_the_dialect_before_what_is_a_hint(host, account, agent, soft_id, name) -> None:
    chosen = choose(host=host, account=account, user_agent=agent, soft_id=soft_id, default="anticaptcha")

    assert chosen.name == name
