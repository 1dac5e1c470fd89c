"""`heliograph notifications`: where they are pushed, those that could not be delivered, and their second chance or end."""

import json

import click

from heliograph.cli.anywhere import ENTERPRISE, SERVER, server_group
from heliograph.cli.command_tree import option
from heliograph.cli.confirming import YES, confirm
from heliograph.cli.options import AS_JSON, client_of, enterprise_name
from heliograph.cli.output import Json, local_time, print_json, print_list
from heliograph.cli.push_endpoints import endpoints

DEAD_LETTERS = ("MESSAGE", "TYPE", "PUBLISHED", "DESTINATION", "TRIED", "GIVEN UP BECAUSE")

app = server_group("notifications", "Set up where notifications are pushed; see those that could not be delivered, and send them again.")
app.add_command(endpoints)

START = option("--start", default="", show_default="the oldest", metavar="TIME", help="Only messages from this time on (RFC 3339).")
END = option("--end", default="", show_default="the newest", metavar="TIME", help="Only messages before this time (RFC 3339).")

MESSAGES = click.argument("messages", nargs=-1, metavar="[MESSAGE]…", help="Ids as `list-dead` shows them, or enterprises/…/deadLetters/….")


@app.command("list-dead")
@START
@END
@ENTERPRISE
@SERVER
@AS_JSON
def list_dead(*, start: str, end: str, enterprise: str, server: str, as_json: bool) -> None:
    """List the notifications that were given up, oldest first."""
    path, query = f"/heliograph/v1/{enterprise_name(enterprise)}/deadLetters", {"startTime": start, "endTime": end}
    print_list(client_of(server), path, DEAD_LETTERS, _row, empty="No dead letters.", as_json=as_json, query=query)


@app.command("resend")
@MESSAGES
@START
@END
@ENTERPRISE
@SERVER
@AS_JSON
def resend(*, messages: tuple[str, ...], start: str, end: str, enterprise: str, server: str, as_json: bool) -> None:
    """Send notifications again that were given up: all, these, or those of a span of time. They keep their message ids."""
    body = _chosen(messages, start, end, enterprise)
    answer = client_of(server).post(f"/heliograph/v1/{enterprise_name(enterprise)}/deadLetters:resend", body)
    if as_json:
        return print_json(answer)
    count = json.loads(answer)["resentCount"]
    return click.echo(f"{count} notification{'' if count == 1 else 's'} will be sent again.")


@app.command("discard")
@MESSAGES
@START
@END
@YES
@ENTERPRISE
@SERVER
@AS_JSON
def discard(  # noqa: PLR0913 - one option each
    *, messages: tuple[str, ...], start: str, end: str, yes: bool, enterprise: str, server: str, as_json: bool
) -> None:
    """Discard notifications that were given up: these, or those of a span of time. They cannot be sent again."""
    if not (messages or start or end):
        raise click.UsageError("Say which: MESSAGE …, or --start and --end.")
    what = "these notifications" if messages else "the notifications of this span of time"
    confirm(f"{what.capitalize()} will be discarded for good.", yes=yes)
    body = _chosen(messages, start, end, enterprise)
    answer = client_of(server).post(f"/heliograph/v1/{enterprise_name(enterprise)}/deadLetters:discard", body)
    if as_json:
        return print_json(answer)
    count = json.loads(answer)["discardedCount"]
    return click.echo(f"{count} notification{'' if count == 1 else 's'} {'is' if count == 1 else 'are'} discarded.")


def _chosen(messages: tuple[str, ...], start: str, end: str, enterprise: str) -> bytes:
    """The request that chooses these dead letters."""
    parent = f"{enterprise_name(enterprise)}/deadLetters"
    names = [message if "/" in message else f"{parent}/{message}" for message in messages]
    return json.dumps({"startTime": start, "endTime": end, "names": names}).encode()


def _row(letter: Json) -> list[str]:
    return [
        letter["name"].rpartition("/")[2], letter["notificationType"], local_time(letter["publishTime"]), letter["destination"],
        f"{letter['attempts']}×", letter["reason"],
    ]  # fmt: skip
