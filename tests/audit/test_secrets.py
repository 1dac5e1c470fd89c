"""Nothing of a secret is in the audit trail, wherever its sender put it: in its field, in a wrong one, or in a name."""

import json
from pathlib import Path

import pytest

from heliograph.domain.access import Role
from heliograph.domain.audit_export import FORMAT, ExportHead, export_lines
from heliograph.settings import Settings
from heliograph.storage.sqlite.file import audit_trail
from tests.audit.test_every_method import Caller, enrolled
from tests.sign_in.conftest import guarded_server
from tests.sign_in.key_pairs import key_pair

NEEDLE = "hg7Xq2needle91Kz"
PASSWORD = {"type": "RESET_PASSWORD", "newPassword": NEEDLE}
ESIM = {"type": "ADD_ESIM", "addEsimParams": {"activationCode": f"LPA:1$smdp.example.com${NEEDLE}", "activationState": "ACTIVATED"}}
WRONG = (
    ("POST", "v1/{device}:issueCommand", {"type": "LOCK", "newPassword": NEEDLE, "createTime": NEEDLE}),
    ("POST", "v1/{device}:issueCommand", {"type": NEEDLE}),
    ("POST", "v1/{device}:issueCommand", {NEEDLE: 1}),
    ("POST", "v1/{device}:issueCommand", {"type": "RESET_PASSWORD", "resetPasswordFlags": [NEEDLE]}),
    ("POST", "v1/{device}:issueCommand", {**ESIM, "duration": NEEDLE}),
    ("PATCH", "v1/{device}?updateMask=state", {"state": NEEDLE}),
    ("POST", "v1/enterprises/acme/enrollmentTokens", {"value": NEEDLE, "duration": NEEDLE}),
    ("POST", "heliograph/v1/enterprises/acme/pushEndpoints", {"url": f"http://user:{NEEDLE}@example.com"}),
)


@pytest.mark.parametrize("seen_by", ["the database", "an export", "callers"])
def test_no_secret_is_in_the_trail(tmp_path: Path, seen_by: str) -> None:
    (tmp_path / "data").mkdir()
    settings = Settings(data_dir=tmp_path / "data", durable=False, trusted_proxies=("127.0.0.1",), push_allow_networks=("127.0.0.0/8",))
    with guarded_server(settings) as server:
        admin = Caller(server, Role.ADMIN, tmp_path, pair=0)
        server.key_file(["acme"], pair=key_pair(1))
        token = admin.call("POST", "v1/enterprises/acme/enrollmentTokens", {"additionalData": NEEDLE}).json
        device = enrolled(server, token["value"])
        for body in (PASSWORD, ESIM):
            admin.call("POST", f"v1/{device}:issueCommand", body)
        webhook = admin.call(
            "POST",
            "heliograph/v1/enterprises/acme/pushEndpoints",
            {"url": f"http://127.0.0.1:9/{NEEDLE}", "signing": {"standardWebhooks": {}}},
        ).json
        for http, path, wrong in WRONG:
            answer = admin.call(http, path.format(device=device), wrong)
            assert 400 <= answer.status < 500, (path, wrong, answer.body)
        server.call("DELETE", "/v1/enterprises/acme", authorization=f"Bearer {NEEDLE}", x_forwarded_for="203.0.113.7")
        server.call("DELETE", f"/v1/enterprises/acme?access_token={NEEDLE}")
        server.operate("GET", "", secret=NEEDLE)
        listed = b"".join(admin.call("GET", f"heliograph/v1/enterprises/{name}/auditEntries?pageSize=1000").body for name in ("acme", "-"))
    with audit_trail(settings.database) as trail:
        blocks = list(trail.blocks)
    head = ExportHead(heliograph_audit_trail=FORMAT, exported_us=1)
    text = {
        "the database": b"".join(block.entries for block in blocks),
        "an export": b"".join(export_lines(head, blocks)),
        "callers": listed,
    }[seen_by]

    secrets = [NEEDLE, token["value"], webhook["signing"]["standardWebhooks"]["secret"], key_of(tmp_path)]
    assert [] == [secret for secret in secrets if secret.encode() in text]
    assert text.count(b"issueCommand") >= 2
    assert b"INVALID_ARGUMENT" in text


def key_of(folder: Path) -> str:
    """A line of the private key that the admin calls with."""
    return str(json.loads((folder / "admin0.json").read_text(encoding="utf-8"))["private_key"]).splitlines()[3]
