"""A second person on two servers with keys: one server dies in between, and what was asked for there is approved at the other."""

import json
import re
from pathlib import Path

from tests.channel.phones import FACTS, hash_of
from tests.many_servers.lab import Json, Lab, Ran, ServerProcess

CREDENTIAL = "k" * 43
METHODS = ["androidmanagement.enterprises.devices.delete", "heliograph.keys.create"]
RULES = json.dumps({"rules": [{"commandTypes": ["WIPE"], "methods": METHODS}]})


class People:
    """Everyone with a key, and what they say on the command line."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def key(self, server: ServerProcess, person: str, *options: str) -> Ran:
        """How it ended that the person should have a key file."""
        return await self.lab.run(
            "keys", "create", "--data-dir", str(server.data_dir), "--enterprise", "acme", "--role", "admin", "--person",
            f"{person}@example.com", "--out", str(self._file(person)), *options,
        )  # fmt: skip

    async def says(self, person: str, server: ServerProcess, *arguments: str) -> Ran:
        """How the command ended."""
        return await self.lab.run(*arguments, "--server", server.url, "--key", str(self._file(person)), "--enterprise", "acme")

    async def json(self, person: str, server: ServerProcess, *arguments: str) -> Json:
        """The server's JSON."""
        ran = await self.says(person, server, *arguments, "--json")
        assert 0 == ran.code, ran.err
        found: Json = json.loads(ran.out)
        return found

    def _file(self, person: str) -> Path:
        return self.lab.folder / f"{person}.json"


async def test_a_wipe_and_a_deletion_need_another_person_wherever_they_are_asked_for(lab: Lab) -> None:
    lab.enterprise = "enterprises/acme"
    here, there = await lab.start(2, "--log-level", "info")
    people = People(lab)
    for person in ("alice", "bob"):
        made = await people.key(here, person)
        assert 0 == made.code, made.err
    await people.says("alice", there, "approvals", "set-rules", "--body", RULES, "--yes")
    token = (await people.json("alice", here, "tokens", "create"))["value"]
    enroll = {"enrollmentToken": token, "installationId": "i", "credentialHash": hash_of(CREDENTIAL), "report": FACTS}
    device = (await lab.post(here, "/device/v1/enroll", enroll))["name"]

    operation = (await people.json("alice", there, "issue", device, "WIPE", "--duration", "1h", "--yes"))["name"]
    await there.kill()

    approval = (await people.json("alice", here, "approvals", "list"))["approvals"][0]
    assert ("PENDING", [device], operation) == (approval["state"], approval["devices"], approval["target"])
    assert ["bob@example.com"] == approval["approvers"]
    stuck = (await people.json("alice", here, "operations", "timeline", operation))["whyStuck"]
    assert "bob@example.com can give it" in stuck
    own = await people.says("alice", here, "approvals", "approve", approval["name"], "--yes")
    assert "another key of yours is not another person" in own.err
    assert 0 != own.code

    async with lab.socket(here, CREDENTIAL) as socket:
        await socket.hello()
        assert await socket.offer(within_s=0.3) is None
        await opened_and_approved(lab, people, here, approval["name"])
        assert operation == ((await socket.offer(within_s=90)) or {})["operation"]

    refused = await people.says("alice", here, "devices", "delete", device, "--yes")
    assert "1 other person must approve this first" in refused.err
    waiting = [one for one in (await people.json("bob", here, "approvals", "list"))["approvals"] if one["state"] == "PENDING"]
    shown = await people.says("bob", here, "approvals", "show", waiting[0]["name"])
    assert waiting[0]["digest"] in shown.out
    agreed = await people.says("bob", here, "approvals", "approve", waiting[0]["name"], "--yes")
    assert "is APPROVED." in agreed.out, agreed.err
    done = await people.says("alice", here, "devices", "delete", device, "--yes")
    assert 0 == done.code, done.err

    trail = (await people.json("bob", here, "audit", "list"))["auditEntries"]
    recorded = {(entry.get("actor", ""), entry["method"], entry.get("outcome", "OK")) for entry in trail}
    assert {
        ("alice@example.com", "heliograph.approvalRules.patch", "OK"),
        ("alice@example.com", "enterprises.devices.issueCommand", "OK"),
        ("alice@example.com", "heliograph.approvals.approve", "PERMISSION_DENIED"),
        ("bob@example.com", "approvalPage", "OK"),
        ("alice@example.com", "enterprises.devices.delete", "FAILED_PRECONDITION"),
        ("bob@example.com", "heliograph.approvals.approve", "OK"),
        ("alice@example.com", "enterprises.devices.delete", "OK"),
    } <= recorded


async def test_a_word_that_was_answered_outlives_its_server(lab: Lab) -> None:
    """Killed at once after each answer, three times: asked, half approved, approved."""
    lab.enterprise = "enterprises/acme"
    (server,) = await lab.start(1, "--log-level", "info")
    people = People(lab)
    for person in ("alice", "bob", "carol"):
        await people.key(server, person)
    two = json.dumps({"rules": [{"commandTypes": ["WIPE"], "approvals": 2}]})
    await people.says("alice", server, "approvals", "set-rules", "--body", two, "--yes")
    token = (await people.json("alice", server, "tokens", "create"))["value"]
    enroll = {"enrollmentToken": token, "installationId": "i", "credentialHash": hash_of(CREDENTIAL), "report": FACTS}
    device = (await lab.post(server, "/device/v1/enroll", enroll))["name"]

    operation = (await people.json("alice", server, "issue", device, "WIPE", "--duration", "1h", "--yes"))["name"]
    await killed(lab, server)
    approval = (await people.json("bob", server, "approvals", "list"))["approvals"][0]["name"]
    for approver, state in (("bob", "PENDING"), ("carol", "APPROVED")):
        agreed = await people.json(approver, server, "approvals", "approve", approval, "--yes")
        await killed(lab, server)
        after = await people.json(approver, server, "approvals", "show", approval)
        assert (state, agreed["approvals"]) == (after["state"], after["approvals"])

    async with lab.socket(server, CREDENTIAL) as socket:
        await socket.hello()
        assert operation == ((await socket.offer(within_s=90)) or {})["operation"]


async def killed(lab: Lab, server: ServerProcess) -> None:
    """As by kill -9, and started again."""
    await server.kill()
    await server.start()
    await server.wait_ready(lab.http)


async def test_a_key_needs_another_person_unless_no_one_is_left(lab: Lab) -> None:
    lab.enterprise = "enterprises/acme"
    (server,) = await lab.start(1, "--log-level", "info")
    people = People(lab)
    await people.key(server, "alice")
    await people.says("alice", server, "approvals", "set-rules", "--body", RULES, "--yes")

    blocked = await people.key(server, "mallory")
    waiting = (await people.json("alice", server, "approvals", "list"))["approvals"][0]
    assert 0 != blocked.code
    assert "1 other person must approve this first" in blocked.err
    assert ("operator", "heliograph.keys.create") == (waiting["askedBy"], waiting["what"])
    assert "mallory@example.com" in waiting["params"]
    await people.says("alice", server, "approvals", "decline", waiting["name"], "--reason", "Who is that?")
    again = await people.key(server, "mallory")
    assert "Who is that?" in again.err

    await people.key(server, "bob")
    for_bob = (await people.json("alice", server, "approvals", "list"))["approvals"][1]
    await people.says("alice", server, "approvals", "approve", for_bob["name"], "--yes")
    assert [0, 1] == [min(1, (await people.key(server, "bob", *more)).code) for more in ((), ("--name", "second"))]
    assert 0 == (await people.key(server, "carol", "--without-approval")).code


async def opened_and_approved(lab: Lab, people: People, server: ServerProcess, approval: str) -> None:
    """Bob's link is opened as often as a mail program likes, and decides once, by its form."""
    url = (await people.json("bob", server, "approvals", "link", approval))["url"]
    text = ""
    for _ in range(2):
        async with lab.http.get(url) as page:
            assert 200 == page.status
            text = await page.text()
            assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "alice@example.com" in text
    digest = re.search(r'name="digest" value="([0-9a-f]{64})"', text)
    assert digest is not None
    assert "PENDING" == (await people.json("bob", server, "approvals", "show", approval))["state"]
    forms: tuple[dict[str, str], ...] = ({}, {"decision": "approve", "digest": "0" * 64}, {"decision": "approve", "digest": digest[1]})
    for form, status in zip(forms, (400, 400, 200), strict=True):
        async with lab.http.post(url, data=form) as answer:
            assert status == answer.status, await answer.text()
    async with lab.http.post(url, data={"decision": "decline"}) as again:
        assert 404 == again.status
