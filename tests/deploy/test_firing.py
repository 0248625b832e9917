"""Prometheus itself fires each alert rule on the figures it is for, and on none that are well."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml  # type: ignore[import-untyped]

from tests.house.source import ROOT

RULES = ROOT / "deploy/prometheus/alerts.yml"
#: For two hours, a figure each minute.
LONG = 120
pytestmark = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")

#: For each alert the series it looks at: as they are when it fires, and when all is well.
CASES: dict[str, dict[str, tuple[str, str]]] = {
    "AnswerdeskUnreachable": {'up{job="answerdesk"}': ("0x120", "1x120")},
    "AnswerdeskNotReady": {"answerdesk_ready": ("0x120", "1x120")},
    "AnswerdeskLedgerDrift": {"answerdesk_ledger_drift": ("1x120", "0x120")},
    "AnswerdeskLedgerUnchecked": {"answerdesk_ledger_checked_timestamp_seconds": ("0x120", "0+60x120")},
    "AnswerdeskMachineWorse": {"answerdesk_profiles_worse": ("1x120", "0x120")},
    "AnswerdeskQueueOld": {'answerdesk_queue_age_seconds{kind="text"}': ("130x120", "110x120")},
    "AnswerdeskNobodyOnShift": {
        'answerdesk_queue_tasks{kind="text"}': ("4x120", "4x120"),
        'answerdesk_people_on_shift{kind="text"}': ("0x120", "1x120"),
    },
    "AnswerdeskLeasesRunOut": {
        'answerdesk_lease_expiries_total{solver="ocr"}': ("0+2x120", "0+1x120"),
        'answerdesk_settle_seconds_count{cause="answered"}': ("0+4x120", "0+10x120"),
    },
    "AnswerdeskTasksFail": {
        'answerdesk_settle_seconds_count{cause="overdue"}': ("0+4x120", "0+1x120"),
        'answerdesk_settle_seconds_count{cause="answered"}': ("0+10x120", "0+10x120"),
    },
    "AnswerdeskCallbacksFail": {
        'answerdesk_callbacks_total{state="owed"}': ("0+4x120", "0+1x120"),
        'answerdesk_callbacks_total{state="done"}': ("0+1x120", "0+4x120"),
    },
    "AnswerdeskCallbacksGivenUp": {'answerdesk_callbacks_total{state="given up"}': ("0+1x120", "3x120")},
    "AnswerdeskCommitsSlow": {
        'answerdesk_commit_seconds_bucket{le="0.1"}': ("0+90x120", "0+100x120"),
        'answerdesk_commit_seconds_bucket{le="0.5"}': ("0+95x120", "0+100x120"),
        'answerdesk_commit_seconds_bucket{le="1"}': ("0+100x120", "0+100x120"),
        'answerdesk_commit_seconds_bucket{le="+Inf"}': ("0+100x120", "0+100x120"),
    },
    "AnswerdeskCommitsFail": {"answerdesk_commit_failures_total": ("0+1x120", "7x120")},
    "AnswerdeskWritesPileUp": {"answerdesk_writes_waiting": ("2001x120", "1999x120")},
    "AnswerdeskCrashes": {'answerdesk_crashes_total{route="createTask"}': ("0+1x120", "5x120")},
    "AnswerdeskGuessing": {"answerdesk_guesses_total": ("0+360x120", "0+240x120")},
}


#: Two nodes on one database while all is well with the desk: both read the same leases, and the one on duty settles
#: what is overdue and posts the callbacks, also those of what the other settled.
SHARED: dict[str, dict[str, str]] = {
    "AnswerdeskLeasesRunOut": {
        'answerdesk_lease_expiries_total{solver="ocr",instance="one"}': "0+3x120",
        'answerdesk_lease_expiries_total{solver="ocr",instance="two"}': "0+3x120",
        'answerdesk_settle_seconds_count{cause="solved",instance="one"}': "0+10x120",
        'answerdesk_settle_seconds_count{cause="solved",instance="two"}': "0+10x120",
    },
    "AnswerdeskTasksFail": {
        'answerdesk_settle_seconds_count{cause="overdue",instance="one"}': "0+3x120",
        'answerdesk_settle_seconds_count{cause="solved",instance="one"}': "0+9x120",
        'answerdesk_settle_seconds_count{cause="solved",instance="two"}': "0+9x120",
    },
}


def alerts() -> list[str]:
    """Name every rule of the file."""
    told: dict[str, Any] = yaml.safe_load(RULES.read_text("utf-8"))
    return [rule["alert"] for group in told["groups"] for rule in group["rules"]]


def played(name: str, series: dict[str, str], count: int) -> dict[str, Any]:
    """One life of a desk's figures, and how many alerts of a name fire at its end."""
    fired = [{"labels": "{}", "value": count}] if count else []
    return {
        "interval": "1m",
        "input_series": [{"series": told, "values": values} for told, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": f"{LONG}m",
                "exp_samples": fired,
            }
        ],
    }


def test_there_is_a_case_of_every_rule() -> None:
    assert sorted(alerts()) == sorted(CASES)


def test_each_rule_fires_on_what_it_is_for_and_on_nothing_else(tmp_path: Path) -> None:
    script = tmp_path / "played.yml"
    tests = [
        played(name, {told: values[side] for told, values in series.items()}, count)
        for name, series in CASES.items()
        for side, count in ((0, 1), (1, 0))
    ]
    tests += [played(name, series, 0) for name, series in SHARED.items()]
    script.write_bytes(msgspec.yaml.encode({"rule_files": [str(RULES)], "tests": tests}))

    done = subprocess.run(["promtool", "test", "rules", str(script)], capture_output=True, check=False, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
