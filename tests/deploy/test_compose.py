"""deploy/compose: the file is one that Compose takes, and the image is made as those who judge images want it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from answerdesk.config import PREFIX, SETTINGS
from tests.deploy.tools import ran

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy" / "compose"
DOCKERFILE = (SHIPPED / "Dockerfile").read_text("utf-8")


@pytest.fixture(scope="module")
def project(tools) -> dict[str, Any]:
    """The file as Compose reads it, all references resolved."""
    command = (tools / "docker-compose", "-f", SHIPPED / "compose.yaml", "config", "--format", "json")
    done = ran(*command, PUBLIC_URL="https://answers.example.org")

    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_compose_takes_the_file_and_says_what_it_has_to_be_told(tools):
    untold = ran(tools / "docker-compose", "-f", SHIPPED / "compose.yaml", "config")

    assert untold.returncode != 0
    assert "set PUBLIC_URL to the address people open" in untold.stderr


def test_there_are_two_nodes_a_database_a_worker_and_a_proxy(project):
    services = project["services"]

    assert set(services) == {"postgres", "node-1", "node-2", "worker", "nginx"}
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    assert project["networks"]["back"]["internal"] is True
    assert "back" not in {*services["nginx"]["networks"], *services["worker"]["networks"]}


def test_every_container_has_a_root_it_cannot_write_and_no_privileges(project):
    for name, service in project["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_no_setting_is_misspelt(project):
    known = {PREFIX + setting.name.upper() for setting in SETTINGS}
    named = {variable for service in project["services"].values() for variable in service.get("environment", {})}

    assert {variable for variable in named if variable.startswith(PREFIX)} <= known
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", DOCKERFILE)) <= known


def test_the_proxy_that_is_believed_is_the_network_it_is_in(project):
    (config,) = project["networks"]["front"]["ipam"]["config"]

    assert {project["services"][name]["environment"]["ANSWERDESK_BEHIND_PROXY"] for name in ("node-1", "node-2")} == {
        config["subnet"]
    }


def test_a_node_is_given_longer_to_stop_than_it_drains(project):
    node = project["services"]["node-1"]

    assert node["stop_grace_period"] == "40s"
    assert float(node["environment"]["ANSWERDESK_DRAIN"]) <= 20


def test_what_is_mounted_from_the_project_is_there(project):
    mounted = [
        Path(volume["source"])
        for service in project["services"].values()
        for volume in service.get("volumes", [])
        if volume["type"] == "bind" and "/secrets/" not in volume["source"]
    ]

    assert len(mounted) == 3
    assert [path for path in mounted if not path.is_file()] == []


def test_the_image_is_made_as_it_should_be(tools):
    done = ran(tools / "hadolint", "--no-color", SHIPPED / "Dockerfile")

    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_image_is_made_of_is_there_and_not_kept_from_the_builder():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    let_in = (SHIPPED / "Dockerfile.dockerignore").read_text("utf-8").splitlines()

    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if f"!{source}" not in let_in] == []
    assert all((ROOT / "requirements" / name).exists() for name in re.findall(r"requirements/(\w+\.txt)", DOCKERFILE))
