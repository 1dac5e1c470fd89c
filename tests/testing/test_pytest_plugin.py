"""The plugin, run by pytest in a process of its own, as its users run it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from heliograph.testing import Amapi
from tests.hung import lives
from tests.patience import PATIENCE_S
from tests.running import Running
from tests.sandbox.client import Client

NOTE_THE_SANDBOX = """
    import json, os, pathlib, pytest

    @pytest.fixture(autouse=True)
    def noted(request):
        yield
        if "amapi" in request.fixturenames:
            from heliograph.testing.server import OURS
            folder = OURS.shared_folder or OURS._own_folder
            note = json.loads((folder / "sandbox.json").read_text()) | {"folder": str(folder), "worker": os.getpid()}
            with pathlib.Path(os.environ["NOTES"]).open("a") as notes:
                notes.write(json.dumps(note) + "\\n")
"""


@pytest.fixture(autouse=True)
def alone(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this run counts in the inner one."""
    for name in ("HELIOGRAPH_URL", "AMAPI_EMULATOR_HOST", "PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")


@pytest.fixture
def this_sandbox(amapi: Amapi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inner run uses the sandbox of this one, which is quicker than to start another."""
    monkeypatch.setenv("HELIOGRAPH_URL", root_of(amapi))


def root_of(amapi: Amapi) -> str:
    """The address of the sandbox that the world is in."""
    return amapi.sandbox_url


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Pytest, whole."""
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=PATIENCE_S)


@pytest.mark.usefixtures("this_sandbox")
def test_a_failed_test_says_what_happened_and_how_to_repeat_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        def test_wipe(amapi):
            phone = amapi.phones["pixel8"]
            phone.offline()
            amapi.issue(phone, {"type": "WIPE", "wipeParams": {}, "duration": "600s"})
            amapi.clock.advance(603)
            phone.online()
            phone.executed("WIPE", once=True)
    """
    )

    result = run(pytester, "--amapi-seed", "41")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '>* phone.executed("WIPE", once=True)',
            "E*a WIPE was issued but expired 3 s before the phone came back",
            "*- Android Management API -*",
            "2030-01-01T00:00:00Z*pixel8-a15-fully-managed goes offline",
            "2030-01-01T00:10:00Z*WIPE * expired",
            "2030-01-01T00:10:03Z*pixel8-a15-fully-managed is back",
            "seed 41; repeat it: pytest 'test_it.py::test_wipe' --amapi-seed 41",
        ]
    )


@pytest.mark.usefixtures("this_sandbox")
def test_a_planned_fault_that_was_never_met_fails_its_test_unless_it_may_stay_so(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        def test_that_never_meets_it(amapi):
            amapi.faults.plan(method="enterprises.devices.list", error=503)

        def test_with_an_optional_one(amapi):
            amapi.faults.plan(method="enterprises.devices.list", error=503, optional=True)

        def test_that_allows_it(amapi):
            amapi.faults.plan(method="enterprises.devices.list", error=503)
            amapi.faults.may_stay_unmet = True

        @pytest.mark.amapi(unmet_faults=True)
        def test_whose_marker_allows_it(amapi):
            amapi.faults.plan(method="enterprises.devices.list", error=503)

        def test_that_takes_it_back(amapi):
            amapi.faults.plan(method="enterprises.devices.list", error=503).delete()

        def test_that_fails_for_another_reason(amapi):
            amapi.faults.plan(method="enterprises.devices.list", error=503)
            assert not "the reason"
    """)

    result = run(pytester)
    lenient = run(pytester, "-o", "amapi_unmet_faults=true", "-k", "test_that_never_meets_it")

    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(
        ["Planned faults were never met:", "  faults/1 (method enterprises.devices.list, error {'code': 503})", '*assert not "the reason"']
    )
    lenient.assert_outcomes(passed=1)


@pytest.mark.usefixtures("this_sandbox")
def test_a_failed_test_leaves_its_world_from_which_another_is_made(pytester: pytest.Pytester, amapi: Amapi) -> None:
    pytester.makepyfile(
        test_it="""
        def test_lock(amapi):
            amapi.phones["zebra"].offline()
            amapi.issue("pixel8", "LOCK")
            assert not "that"

        def test_good(amapi): ...
    """
    )

    result = run(pytester, "--amapi-snapshots", "left")

    result.stdout.fnmatch_lines(["the world as it was then: heliograph replay 'left/test_it.py-test_lock.json'"])
    (left,) = (pytester.path / "left").iterdir()
    made = Client(root_of(amapi)).post(
        "/sandbox/v1/worlds", {"snapshot": json.loads(left.read_text(encoding="utf-8")), "idleDuration": "60s"}
    )
    again = Client(made["url"])
    assert not again.get("/sandbox/v1/devices/zebra-tc52-a10-dedicated")["online"]
    assert ["LOCK"] == [view["operation"]["metadata"]["type"] for view in again.get("/sandbox/v1/operations")["operations"]]


@pytest.mark.usefixtures("this_sandbox")
def test_a_marker_with_a_slip_says_what_it_takes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.amapi(sed=3)
        def test_slip(amapi): ...

        @pytest.mark.amapi(phones=["pixel8"])
        def test_no_profile(amapi): ...
    """)

    result = run(pytester, "--strict-markers")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        ["*@pytest.mark.amapi does not take sed. It takes, by name: behaviour, enterprises, *", "*pixel8-a15-fully-managed*"]
    )


@pytest.mark.usefixtures("this_sandbox")
def test_each_test_has_a_seed_of_its_own_that_is_the_same_in_each_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        def test_one(amapi): print("seed", amapi.seed)
        def test_two(amapi): print("seed", amapi.seed)
    """)

    def seeds(*arguments: str) -> list[str]:
        return [line for line in run(pytester, "-s", "-q", *arguments).outlines if "seed" in line]

    first, again, by_chance, given = seeds(), seeds(), seeds("--amapi-seed", "random"), seeds("--amapi-seed", "5")

    assert 2 == len(set(first))
    assert first == again
    assert not set(first) & set(by_chance)
    assert ["seed 5", "seed 5"] == [line.lstrip(".") for line in given]
    run(pytester, "--amapi-seed", "five").stdout.fnmatch_lines(["*--amapi-seed must be a whole number or 'random', not 'five'."])


@pytest.mark.usefixtures("this_sandbox")
def test_without_googles_client_only_the_client_is_missing(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['googleapiclient'] = None")
    pytester.makepyfile("""
        def test_without(amapi): amapi.issue("pixel8", "LOCK").wait()
        def test_with(amapi): amapi.client
    """)

    result = run(pytester)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*which is not installed: pip install 'heliograph?testing?'. amapi.url needs no client."])


def test_a_suite_that_does_not_use_it_loads_nothing_of_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_modules():
            found = sorted(name for name in sys.modules if name.startswith("heliograph"))
            assert found == ["heliograph", "heliograph.testing", "heliograph.testing.pytest_plugin"]
    """)

    run(pytester).assert_outcomes(passed=1)


def test_a_suite_that_uses_it_loads_none_of_the_server(pytester: pytest.Pytester) -> None:
    """Each process of the suite would pay: the domain with the libraries that it needs takes a tenth of a second of CPU."""
    pytester.makepyfile("""
        import sys

        def test_modules(amapi):
            amapi.issue("pixel8", "LOCK").wait()
            amapi.phones["pixel8"].executed("LOCK", once=True)
            amapi.notifications.published("COMMAND")
            assert not {"msgspec", "heliograph.protojson", "heliograph.sandbox", "heliograph.server"} & sys.modules.keys()
    """)

    run(pytester).assert_outcomes(passed=1)


def test_one_process_has_one_sandbox_which_ends_with_it(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = notes_of(pytester, monkeypatch)
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("number", range(10))
        def test_it(amapi, number): amapi.issue("pixel8", "LOCK").wait()
    """)

    run(pytester).assert_outcomes(passed=10)

    (sandbox,) = sandboxes(notes)
    assert not is_there(sandbox)


def test_eight_workers_share_one_sandbox_which_ends_with_them(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = notes_of(pytester, monkeypatch)
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("number", range(48))
        def test_it(amapi, number):
            phone = amapi.phones["pixel8"]
            amapi.issue(phone, "LOCK").wait()
            phone.executed("LOCK", once=True)
            assert len(amapi.operations()) == 1
    """)

    run(pytester, "-n", "8").assert_outcomes(passed=48)

    (sandbox,) = sandboxes(notes)
    assert not is_there(sandbox)
    assert 1 < len({json.loads(line)["worker"] for line in notes.read_text(encoding="utf-8").splitlines()})


def test_tests_that_are_killed_leave_no_sandbox(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = notes_of(pytester, monkeypatch)
    pytester.makepyfile("""
        import time
        def test_first(amapi): ...
        def test_second(amapi): time.sleep(600)
    """)
    with Running(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"], cwd=pytester.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as tests:
        until(lambda: notes.exists() and bool(notes.read_text(encoding="utf-8")))

        tests.send_signal(signal.SIGKILL)

    (sandbox,) = sandboxes(notes)
    until(lambda: not is_there(sandbox))


def notes_of(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the inner tests write which sandbox they use."""
    notes = pytester.path / "notes"
    monkeypatch.setenv("NOTES", str(notes))
    pytester.makeconftest(NOTE_THE_SANDBOX)
    return notes


def sandboxes(notes: Path) -> list[dict[str, object]]:
    """Each that was used."""
    lines = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()]
    return list({line["pid"]: line for line in lines}.values())


def is_there(sandbox: dict[str, object]) -> bool:
    """Whether anything of it is left."""
    return lives(int(str(sandbox["pid"]))) or Path(str(sandbox["folder"])).exists()


def until(holds: Callable[[], bool]) -> None:
    """Returns once it holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
