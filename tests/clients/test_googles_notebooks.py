"""The four notebooks of Google's AMAPI samples: what their cells send, sent here with the client that they use."""

import json
from pathlib import Path
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.clients.pipe import Calls, Json, Reader, RefusedCall
from tests.sandbox.client import Client
from tests.sandbox.google import google

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


def pythons(amapi: Any) -> Calls:  # noqa: ANN401 - made at run time
    """Google's Python client, called as the notebooks do."""

    def call(method: str, arguments: Json) -> Json:
        resource = amapi
        *path, verb = method.split(".")
        for part in path:
            resource = getattr(resource, part)()
        try:
            answer: Json = getattr(resource, verb)(**arguments).execute()
        except HttpError as error:
            raise RefusedCall(error.status_code, error.reason) from None
        return answer

    return call


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_runs_from_its_first_cell_to_its_last(notebook: str, world: Client) -> None:
    with google(world) as amapi:
        reader = Reader(pythons(amapi), world, PASTED)
        for step in NOTEBOOKS[notebook]:
            reader.run(step)


def test_a_device_reports_the_configuration_that_a_notebook_wrote(world: Client) -> None:
    """Cell 26 of managed_configurations.ipynb has its reader look for it."""
    policy = f"{PASTED['enterprise']}/policies/managed-configurations"
    with google(world) as amapi:
        reader = Reader(pythons(amapi), world, PASTED)
        for step in NOTEBOOKS["managed_configurations.ipynb"]:
            reader.run(step)
        devices = amapi.enterprises().devices()
        devices.patch(name=PASTED["device"], updateMask="policyName", body={"policyName": policy}).execute()

        def states() -> list[Json]:
            reports = devices.get(name=PASTED["device"]).execute().get("applicationReports", [])
            return [state for report in reports if report["packageName"] == PASTED["package"] for state in report.get("keyedAppStates", [])]

        found = world.until(states)

    assert {"key1": "value1", "key2": "value2"} == {state["key"]: state["data"] for state in found}
