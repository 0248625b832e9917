"""deploy/helm: helm takes the chart, Kubernetes' own schemas take what it makes, and the times in it fit together."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from answerdesk.config import PREFIX, SETTINGS
from tests.deploy.tools import ran

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "answerdesk"
PROXY = "nodes.behindProxy={10.244.0.0/16}"
#: The first and the last version of Kubernetes that are looked at.
VERSIONS = ("1.30", "1.37")
#: Everything that can be switched, switched.
FULL = (
    "nodes.autoscaling.enabled=true",
    "settings.deadline=120",
    "settings.cors=true",
    "workers[0].name=ocr-1",
    "workers[0].solver=ocr",
    "workers[1].name=spare",
    "workers[1].solver=ocr",
    "image.pullSecrets[0].name=registry",
    "networkPolicy.database[0].ipBlock.cidr=10.0.0.5/32",
)
BARE = ("ingress.enabled=false", "networkPolicy.enabled=false", "workers=null")

Made = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def made(tools) -> Callable[..., Made]:
    """What the chart makes of values, by kind and name."""

    def make(*values: str) -> Made:
        done = ran(tools / "helm", "template", "desk", CHART, "--set", ",".join((PROXY, *values)))
        assert done.returncode == 0, done.stderr
        program = "import json, sys, yaml; print(json.dumps([d for d in yaml.safe_load_all(sys.stdin.read()) if d]))"
        read = ran(tools / "python", "-c", f"import io, sys; sys.stdin = io.StringIO({done.stdout!r}); {program}")
        return {(each["kind"], each["metadata"]["name"]): each for each in json.loads(read.stdout)}

    return make


def test_helm_finds_nothing_wrong(tools):
    done = ran(tools / "helm", "lint", "--strict", CHART, "--set", PROXY)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", [(), FULL, BARE], ids=["as shipped", "full", "bare"])
def test_kubernetes_takes_what_is_made(tools, tmp_path, version, values):
    rendered = ran(tools / "helm", "template", "desk", CHART, "--set", ",".join((PROXY, *values)))
    (tmp_path / "made.yaml").write_text(rendered.stdout)

    done = ran(tools / "kubernetes-validate", "-k", version, "--strict", tmp_path / "made.yaml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count(" passed for resource ") == rendered.stdout.count("\nkind: ")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ("nodes.count=2", "nodes.behindProxy must name the addresses of the ingress controller's pods"),
        (f"{PROXY},settings.database=postgresql://x", "invalid propertyName 'database'"),
        (f"{PROXY},publicUrl=http://answers.example.org", "publicUrl"),
        (f"{PROXY},nodes.replicas=2", "replicas"),
        (f"{PROXY},workers[0].name=Not A Name", "name"),
    ],
)
def test_what_is_not_accepted_is_said(tools, values, complaint):
    done = ran(tools / "helm", "template", "desk", CHART, "--set", values)

    assert done.returncode != 0
    assert complaint in done.stderr


def container(made: dict[str, Any]) -> dict[str, Any]:
    (only,) = made["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def test_an_old_node_goes_only_when_a_new_one_is_ready(made):
    spec = made()["Deployment", "desk-answerdesk"]["spec"]

    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert container({"spec": spec})["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container({"spec": spec})["livenessProbe"]["httpGet"]["path"] == "/healthz"


@pytest.mark.parametrize("drain", [0, 15, 120])
def test_a_node_is_given_longer_to_stop_than_it_pauses_and_drains(made, drain):
    chart = made(f"nodes.drain={drain}")
    spec = chart["Deployment", "desk-answerdesk"]["spec"]
    pause = container({"spec": spec})["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert chart["ConfigMap", "desk-answerdesk"]["data"]["ANSWERDESK_DRAIN"] == str(drain)
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= pause + drain + 20


def test_every_pod_is_confined(made):
    chart = made(*FULL)
    pods = {
        name: each["spec"]["template"]["spec"] for (kind, name), each in chart.items() if kind in {"Deployment", "Job"}
    }

    assert len(pods) == 4
    for name, pod in pods.items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        (only,) = pod["containers"]
        assert only["securityContext"]["readOnlyRootFilesystem"] is True, name
        assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name


def test_no_secret_is_in_what_is_made_and_each_worker_has_its_own_token(made):
    chart = made(*FULL)
    tokens = [
        container(each)["env"][0]["valueFrom"]["secretKeyRef"]
        for (kind, name), each in chart.items()
        if kind == "Deployment" and "-worker-" in name
    ]

    assert not [name for kind, name in chart if kind == "Secret"]
    assert tokens == [{"name": "answerdesk", "key": "ocr-1"}, {"name": "answerdesk", "key": "spare"}]


def test_a_task_that_is_made_by_get_is_sent_to_one_node(made):
    chart = made()
    once = chart["Ingress", "desk-answerdesk-once"]
    rest = chart["Ingress", "desk-answerdesk"]
    name = "nginx.ingress.kubernetes.io/proxy-next-upstream"

    assert [path["path"] for path in once["spec"]["rules"][0]["http"]["paths"]] == ["/in.php", "/in"]
    assert (once["metadata"]["annotations"][name], rest["metadata"]["annotations"][name]) == ("off", "error timeout")
    assert once["metadata"]["annotations"].keys() == rest["metadata"]["annotations"].keys()


def test_no_setting_is_misspelt_and_none_that_the_chart_sets_can_be_set_twice(made):
    data = made("settings.deadline=120")["ConfigMap", "desk-answerdesk"]["data"]
    known = {PREFIX + setting.name.upper() for setting in SETTINGS}
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    kept = schema["properties"]["settings"]["propertyNames"]["not"]["enum"]

    assert set(data) <= known
    assert {name.removeprefix(PREFIX).lower() for name in data} - {"deadline"} <= set(kept)


def test_every_value_is_used(made):
    templates = "".join(path.read_text("utf-8") for path in (CHART / "templates").iterdir())
    named = set(re.findall(r"^ {0,6}([a-zA-Z]+):", (CHART / "values.yaml").read_text("utf-8"), re.MULTILINE))

    assert len(named) > 25
    # These two are Kubernetes' own, handed on whole.
    assert {name for name in named if not re.search(rf"\.{name}\b", templates)} == {"requests", "limits"}
