"""The four notebooks of Google's AMAPI samples: what their cells send, sent here with the client that they use."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from googleapiclient.errors import HttpError

from tests.e2e.program import running_sandbox
from tests.sandbox.client import Client
from tests.sandbox.google import google
from tests.sandbox.test_sign_up import FORM, browse

Json = dict[str, Any]

NOTEBOOKS: dict[str, list[Json]] = json.loads((Path(__file__).parent / "googles_notebooks.json").read_text("utf-8"))["notebooks"]
"""Apache-2.0; source and commit stand in the file."""

PASTED = {
    "enterprise": "enterprises/sandbox",
    "device": "enterprises/sandbox/devices/pixel8-a15-fully-managed",
    "project": "my-project",
    "topic": "my-topic",
    "package": "com.google.android.gm",
    "template": "mcm-1",
}
"""What a reader of the notebooks pastes into their empty cells."""


class Reader:
    """Runs a notebook's cells one after the other, and keeps what they show."""

    def __init__(self, amapi: Any, sandbox: Client) -> None:  # noqa: ANN401 - made at run time
        self.amapi = amapi
        self.sandbox = sandbox
        self.kept = dict(PASTED)

    def run(self, step: Json) -> None:
        """The step, with what stands in braces filled in."""
        step = self._filled(step)
        if "call" in step:
            answer = self._call(step)
        elif "sign_up_at" in step:
            answer = self._sign_up(step["sign_up_at"])
        else:
            answer = self._enrol(step["enrol_with"], step["policy"])
        self.kept |= {word: answer[field] for word, field in step.get("keep", {}).items()}

    def _call(self, step: Json) -> Json:
        resource = self.amapi
        *path, verb = step["call"].split(".")
        for part in path:
            resource = getattr(resource, part)()
        request = getattr(resource, verb)(**step["arguments"])
        if step.get("not_offered"):
            with pytest.raises(HttpError) as refused:
                request.execute()
            assert (501, f"androidmanagement.{step['call']} is not offered by this server: it has no managed Google Play.") == (
                refused.value.status_code, refused.value.reason,
            )  # fmt: skip
            return {}
        answer: Json = request.execute()
        shown = step.get("shows", {})
        assert shown == {field: answer[field] for field in shown}
        return answer

    def _sign_up(self, url: str) -> Json:
        """An admin signs up on the page; the notebook's reader copies the code that the callback URL has."""
        sent_on = browse(url, FORM)
        return {name: values[0] for name, values in parse_qs(urlsplit(sent_on.headers["location"]).query).items()}

    def _enrol(self, token: str, policy: str) -> Json:
        """A phone opens the link with the token, and applies the policy that the notebook wrote."""
        assert token in self.kept["qr_code"]
        enrolled = self.sandbox.post("/sandbox/v1/devices", {"profile": "pixel8-a15-fully-managed", "enrollmentToken": token})
        devices = self.amapi.enterprises().devices()
        return self.sandbox.until(
            lambda: found if (found := devices.get(name=enrolled["name"]).execute()).get("appliedPolicyName") == policy else None
        )

    def _filled(self, value: Any) -> Any:  # noqa: ANN401 - any part of a step
        if isinstance(value, dict):
            return {name: self._filled(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self._filled(part) for part in value]
        if isinstance(value, str):
            for word, found in self.kept.items():
                value = value.replace(f"{{{word}}}", found)
        return value


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A sandbox for all notebooks; each gets a world of its own."""
    with running_sandbox(tmp_path_factory.mktemp("notebooks") / "sandbox") as sandbox:
        yield Client(sandbox.url)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_runs_from_its_first_cell_to_its_last(notebook: str, server: Client) -> None:
    world = Client(server.post("/sandbox/v1/worlds", {})["url"])

    with google(world) as amapi:
        reader = Reader(amapi, world)
        for step in NOTEBOOKS[notebook]:
            reader.run(step)


def test_a_device_reports_the_configuration_that_a_notebook_wrote(server: Client) -> None:
    """Cell 26 of managed_configurations.ipynb has its reader look for it."""
    world = Client(server.post("/sandbox/v1/worlds", {})["url"])
    policy = f"{PASTED['enterprise']}/policies/managed-configurations"
    with google(world) as amapi:
        reader = Reader(amapi, world)
        for step in NOTEBOOKS["managed_configurations.ipynb"]:
            reader.run(step)
        devices = amapi.enterprises().devices()
        devices.patch(name=PASTED["device"], updateMask="policyName", body={"policyName": policy}).execute()

        def states() -> list[Json]:
            reports = devices.get(name=PASTED["device"]).execute().get("applicationReports", [])
            return [state for report in reports if report["packageName"] == PASTED["package"] for state in report.get("keyedAppStates", [])]

        found = world.until(states)

    assert {"key1": "value1", "key2": "value2"} == {state["key"]: state["data"] for state in found}
