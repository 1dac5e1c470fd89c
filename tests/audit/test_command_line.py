"""`heliograph audit` as an administrator and an auditor run it, on a server of its own and after it."""

import json
from pathlib import Path

import apsw
import pytest

from tests.many_servers.lab import lab_on
from tests.operations.server import heliograph


async def test_an_administrator_lists_and_an_auditor_verifies(tmp_path: Path) -> None:
    witness, public, export = tmp_path / "witness.jsonl", tmp_path / "public.pem", tmp_path / "trail.jsonl"
    async with lab_on("", tmp_path) as lab:
        (server,) = await lab.start(1, "--no-auth", "--audit-witness", str(witness))
        device = await lab.tiny_phone(server, "c" * 43)
        operation = await lab.issue(server, device)
        there = ("--server", server.url, "--enterprise", lab.enterprise.removeprefix("enterprises/"))
        listed = await lab.run("audit", "list", *there, "--filter", "type=LOCK")
        as_json = await lab.run("audit", "list", *there, "--everything", "--json", "--most", "3")
        wrong = await lab.run("audit", "list", *there, "--filter", "who=me")
        data = ("--data-dir", str(server.data_dir), "--key-file", str(tmp_path / "heliograph.key"))
        while_it_runs = await lab.run("audit", "verify", *data)
        assert 0 == await server.stop()

    (entry,) = [line.split("\t") for line in listed.out.splitlines()[1:]]
    assert ["anybody", "enterprises.devices.issueCommand LOCK", operation, "OK", "127.0.0.1"] == entry[1:]
    assert 3 == len(json.loads(as_json.out)["auditEntries"])
    assert "who" in wrong.err
    assert 0 == while_it_runs.code, while_it_runs.out

    key = await heliograph("audit", "public-key", *data)
    public.write_text(key.out, encoding="utf-8")
    assert 0 == (await heliograph("audit", "export", str(export), *data)).code
    auditor = ("--public-key", str(public), "--data-dir", str(tmp_path / "nowhere"))
    sound = await heliograph("audit", "verify", str(export), "--witness", str(witness), *auditor)
    assert (0, True) == (sound.code, "Nothing was found." in sound.out), sound.out
    assert "The witness confirms block" in sound.out
    assert "Note:" not in sound.out, "the server signed everything when it ended"
    alone = await heliograph("audit", "verify", str(export), "--data-dir", str(tmp_path / "nowhere"))
    assert "The public key stands in the export itself" in alone.out
    assert "No witness was asked" in alone.out

    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    cut = await heliograph("audit", "verify", str(export), "--witness", str(witness), *auditor, "--json")
    assert 1 == cut.code
    assert ["DELETED"] == [finding["attack"] for finding in json.loads(cut.out)["findings"]]


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("verify", "{nothing}"), "Cannot read"),
        (("verify", "{text}"), "The first line is not that of an exported audit trail"),
        (("verify", "--data-dir", "{nothing}"), "There is no database"),
        (("verify", "{old}", "--data-dir", "{nothing}"), "older than the audit trail"),
        (("verify", "--witness", "{text}", "--data-dir", "{nothing}"), "is not a checkpoint"),
        (("export", "{text}", "--data-dir", "{nothing}"), "There is no database"),
        (("public-key", "--data-dir", "{nothing}"), "There is no key file"),
    ],
)
async def test_what_cannot_be_done_says_why(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    text, old = tmp_path / "text", tmp_path / "old.db"
    text.write_text("{}\n{}\n", encoding="utf-8")
    connection = apsw.Connection(str(old))
    connection.execute("CREATE TABLE schema_version (version, applied_us); INSERT INTO schema_version VALUES (3, 0)")
    connection.close()

    ended = await heliograph("audit", *(part.format(nothing=tmp_path / "nothing", text=text, old=old) for part in arguments))

    assert 0 != ended.code
    assert says in ended.err, ended.err
    assert "Traceback" not in ended.err
