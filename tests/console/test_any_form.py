"""Every form of the console, filled with anything: the server does not fail, and what callers write is text on every page."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.api.console.app import PAGES
from heliograph.sandbox.settings import SandboxSettings
from tests.console.reader import Page, Reader
from tests.console.test_every_page import NOWHERE, examples_in, path_of
from tests.sandbox.client import Client
from tests.sandbox.conftest import running

PIXEL = "pixel8-a15-fully-managed"
HOSTILE = "<script>alert(1)</script>\"'&{{7*7777}}\u202e"
POSTED = tuple(row for row in PAGES if row.http == "POST")
FIELDS = (
    "policy_id", "text", "version", "new", "edit", "device", "policy", "duration", "one_time", "usage", "additional_data", "url", "id",
    "display", "types", "schemes", "oidc_email", "oidc_audience", "names", "start", "end", "enterpriseDisplayName",
    "contactInfo.contactEmail", "enabledNotificationTypes", "pubsubTopic", "command", "request_id", "typed_name",
)  # fmt: skip
POLICIES = (
    "null",
    "[]",
    "{}",
    '{"a":{"b":[[1]]}}',
    '{"version":"9","name":"x"}',
    '{"applications":[{},{"packageName":"\\ud800"}]}',
    "[" * 300,
)
TEXT = st.text(max_size=30) | st.sampled_from([HOSTILE, "\x00", "%00", "..", "9" * 5_000, "x" * 3_000, "0s", "1e9d", *POLICIES])


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Reader, Mapping[str, str]]]:
    """A sandbox of its own with one of everything, since forms delete what they can; and the ids."""
    with running(SandboxSettings(port=0)) as client:
        yield Reader(client.url), examples_in(client.ask, "sandbox", PIXEL)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", POSTED, ids=lambda row: row.path)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.sampled_from(FIELDS), TEXT, max_size=8), ids=st.none() | st.text(min_size=1, max_size=20))
def test_no_form_makes_the_server_fail(
    world: tuple[Reader, Mapping[str, str]], row: object, fields: Mapping[str, str], ids: str | None
) -> None:
    reader, examples = world
    strange = {} if ids is None else dict.fromkeys(examples.keys() - {"enterprises"}, quote(ids.encode("utf-8", "replace"), safe=""))
    body = "&".join(f"{quote(name)}={quote(text.encode('utf-8', 'surrogatepass'))}" for name, text in fields.items())

    page = reader.open(path_of(row, {**examples, **strange}), method="POST", body=body, follow=False)  # type: ignore[arg-type]

    assert page.status < 500
    assert_is_text(page)


def test_what_callers_write_is_text_on_every_page(reader: Reader, sandbox: Client) -> None:
    """Also where it is in a form again, in JSON, in a command line, in a difference."""
    examples = {**examples_in(sandbox.ask, "sandbox", PIXEL)}  # type: ignore[arg-type]
    api, own = "/v1/enterprises/sandbox", "/heliograph/v1/enterprises/sandbox"
    sandbox.patch(f"{api}?updateMask=enterpriseDisplayName", {"enterpriseDisplayName": HOSTILE[:60]})
    sandbox.patch(f"{api}/policies/kiosk", {"shortSupportMessage": {"defaultMessage": HOSTILE}})
    token = sandbox.post(f"{api}/enrollmentTokens", {"additionalData": HOSTILE, "duration": "86400s"})
    endpoint = sandbox.post(f"{own}/pushEndpoints", {"url": f"{NOWHERE}?{quote(HOSTILE)}", "displayName": HOSTILE})
    examples |= {"enrollmentTokens": token["name"].rpartition("/")[2], "pushEndpoints": endpoint["name"].rpartition("/")[2]}
    wrong = {"text": HOSTILE, "policy_id": HOSTILE, "url": HOSTILE, "id": HOSTILE, "display": HOSTILE, "device": HOSTILE, "start": HOSTILE}
    body = "&".join(f"{name}={quote(text)}" for name, text in wrong.items())

    pages = [reader.open(path_of(row, examples)) for row in PAGES if row.http == "GET"]
    pages += [reader.open(path_of(row, examples), method="POST", body=body, follow=False) for row in POSTED if "cancel" not in row.path]
    pages.append(reader.open(f"/console/enterprises/sandbox/deadLetters?start={quote(HOSTILE)}"))

    for page in pages:
        assert_is_text(page)


def assert_is_text(page: Page) -> None:
    """Nothing that callers wrote is markup."""
    assert "alert(1)</script>" not in page.html
    assert "54439" not in page.html
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"], page.url
