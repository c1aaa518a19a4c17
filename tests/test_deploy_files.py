"""The files of deploy/ that start Tast1: they are what they say, and their settings are settings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import Settings

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text(encoding="utf-8"))
CHART = ROOT / "deploy/helm/tast1"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))


def rendered(template: Path) -> list[dict[str, Any]]:
    """A template as helm would render it, as far as these need it: values, toYaml with indent, quote, sub."""

    def fill(match: re.Match[str]) -> str:
        said = match[1].strip()
        if said == "toYaml .Values.settings | indent 4":
            return re.sub("^", "    ", yaml.safe_dump(VALUES["settings"]), flags=re.MULTILINE)
        if said.startswith("printf"):
            return f'{{{VALUES["nodeLabel"]}: "true"}}'
        if said.startswith("sub "):
            return str(VALUES["drainSeconds"] - 120)
        name, _, pipe = said.partition(" | ")
        value = "release" if name == ".Release.Name" else VALUES[name.removeprefix(".Values.")]
        return f'"{value}"' if pipe == "quote" else str(value)

    text = re.sub(r"\{\{ (.*?) \}\}", fill, template.read_text(encoding="utf-8"))
    assert "{{ " not in text
    return [part for part in yaml.safe_load_all(text) if part]


def settings(environment: dict[str, str], text: str = "") -> Settings:
    return Settings.parse(text, "settings.yaml", ROOT, environment)


@pytest.mark.parametrize("name", ["gateway-1", "gateway-2"])
def test_the_gateways_of_the_compose_file_have_settings_that_can_be_meant(name: str) -> None:
    told = settings(COMPOSE["services"][name]["environment"])
    assert told.storage.instance == name and told.storage.media == "s3://tast1/sound"
    assert told.sip.udp == f"127.0.0.1:506{name[-1]}"


def test_the_gateways_of_the_compose_file_share_what_they_must_and_nothing_else() -> None:
    one, two = (settings(COMPOSE["services"][f"gateway-{n}"]["environment"]) for n in (1, 2))
    assert one.storage.database == two.storage.database and one.key_file == two.key_file
    assert one.storage.bucket == two.storage.bucket and one.policy == two.policy
    assert {one.sip.udp, one.sip.worker_side, one.web.listen, one.web.metrics}.isdisjoint(
        {two.sip.udp, two.sip.worker_side, two.web.listen, two.web.metrics}
    )
    assert one.sip.rtp_port_max < two.sip.rtp_port_min


def test_every_secret_and_volume_of_the_compose_file_is_declared() -> None:
    for service in COMPOSE["services"].values():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        named = {volume.split(":")[0] for volume in service.get("volumes", ())}
        assert {name for name in named if not name.startswith(".")} <= set(COMPOSE["volumes"])


def test_the_chart_renders_to_objects_and_to_settings() -> None:
    found = [part for template in sorted((CHART / "templates").glob("*.yaml")) for part in rendered(template)]
    kinds = [part["kind"] for part in found]
    assert kinds.count("StatefulSet") == 1 and kinds.count("Deployment") == 1
    pod = next(part for part in found if part["kind"] == "StatefulSet")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    given = {"status.hostIP": "192.0.2.11", "metadata.name": "release-gateway-0"}
    environment = {
        each["name"]: each.get("value") or given[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in container["env"]
    }
    environment = {name: value.replace("$(NODE)", "192.0.2.11") for name, value in environment.items()}
    text = next(part for part in found if part["kind"] == "ConfigMap")["data"]["settings.yaml"]
    told = settings(environment, text)
    assert told.storage.instance == "release-gateway-0" and told.sip.rtp_address == "192.0.2.11"
    assert told.sip.trunks[0].networks == ("192.0.2.5/32",)
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts <= {volume["name"] for volume in pod["volumes"]} | {"data"}
    assert container["lifecycle"]["preStop"]["exec"]["command"][:2] == ["tast1", "drain"]


def test_the_unit_is_one_that_systemd_reads(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("systemd-analyze is not installed (apt-get install systemd)")
        pytest.skip("systemd-analyze is not installed (apt-get install systemd)")
    unit = (ROOT / "deploy/systemd/tast1.service").read_text(encoding="utf-8")
    here = tmp_path / "tast1.service"
    here.write_text(unit.replace("/opt/tast1/bin/tast1", "/bin/true"), encoding="utf-8")
    done = subprocess.run([program, "verify", here], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "tast1.service" not in done.stderr, done.stderr
    asked = [program, "security", "--offline=true", "--threshold=20", here]
    assert subprocess.run(asked, capture_output=True, timeout=60).returncode == 0, "exposed above 2.0"


def test_the_balancer_names_the_gateways_and_nobody_else_may_call() -> None:
    text = (ROOT / "deploy/kamailio/kamailio.cfg").read_text(encoding="utf-8")
    assert "src_ip == 198.51.100.0/24" in text and "record_route();" in text
    lines = (ROOT / "deploy/kamailio/dispatcher.list").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines if not line.startswith("#")] == ["1", "1"]
