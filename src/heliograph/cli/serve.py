"""`heliograph serve`: a server for real devices."""

import logging
import sys
from pathlib import Path
from typing import Unpack

import click

from heliograph.cli.agent_file import agent_of
from heliograph.cli.command_tree import command
from heliograph.cli.config_file import CONFIG, HELP_END
from heliograph.cli.event_loop import run
from heliograph.cli.openid_options import openid_client
from heliograph.cli.outlet import Outlet
from heliograph.cli.server_options import HttpOptions, http_limits, parameters_of, pubsub_is_emulated


@command("serve", params=[*parameters_of("serve"), CONFIG], epilog=HELP_END)
def serve(  # noqa: PLR0913 - one option each
    *,
    host: str,
    port: int,
    data_dir: Path,
    database: str,
    key_file: Path | None,
    adopt_key: bool,
    new: bool,
    retention_days: int,
    event_retention_days: int,
    audit_retention_days: int,
    audit_phones: str,
    audit_witness: tuple[str, ...],
    behaviour: str,
    operations_of_deleted_devices: str,
    open_commands_most: int,
    limit: tuple[str, ...],
    quota_per_minute: int,
    no_auth: bool,
    oidc_issuer: str,
    oidc_client_id: str,
    oidc_client_secret_file: Path | None,
    oidc_name: str,
    oidc_groups_claim: str,
    oidc_scope: tuple[str, ...],
    oidc_group: tuple[str, ...],
    session_idle_minutes: int,
    session_hours: int,
    drain_seconds: int,
    public_url: tuple[str, ...],
    agent_apk: Path | None,
    trusted_proxy: tuple[str, ...],
    cors_origin: tuple[str, ...],
    push_endpoint: str,
    push_allow_network: tuple[str, ...],
    pubsub: bool,
    no_web_push: bool,
    web_push_contact: str,
    no_hot_lane: bool,
    log_level: str,
    **http: Unpack[HttpOptions],
) -> None:
    """Run a server for devices that enrol. Callers sign in with a key: see heliograph keys create."""
    from heliograph import server  # noqa: PLC0415
    from heliograph.cli.log_output import log_to_stderr  # noqa: PLC0415 - the other commands start without a server
    from heliograph.domain.behaviour import Behaviour  # noqa: PLC0415
    from heliograph.service.limits import Limits, with_limits  # noqa: PLC0415
    from heliograph.settings import Admission, Settings, database_url  # noqa: PLC0415

    limits = with_limits(Limits(
        retention_days=retention_days, event_retention_days=event_retention_days, behaviour=Behaviour(behaviour),
        audit_retention_days=audit_retention_days, audit_phones=audit_phones == "all",
        operations_of_deleted_devices=operations_of_deleted_devices,
        open_operations_most=open_commands_most, quota_per_minute=quota_per_minute,
    ), limit)  # fmt: skip
    admission = Admission.UNCHECKED if no_auth else Admission.KEYS
    openid = openid_client(
        issuer=oidc_issuer, client_id=oidc_client_id, client_secret_file=oidc_client_secret_file, name=oidc_name,
        groups_claim=oidc_groups_claim, scopes=oidc_scope, groups=oidc_group,
    )  # fmt: skip
    settings = Settings(
        openid=openid,
        host=host, port=port, data_dir=data_dir, database_url=database_url(database), key_file=key_file, adopt_key=adopt_key,
        new=new, limits=limits, admission=admission, http=http_limits(**http),
        agent=agent_of(agent_apk), public_urls=public_url, trusted_proxies=trusted_proxy, cors_origins=cors_origin,
        push_endpoint=push_endpoint, push_allow_networks=push_allow_network, pubsub=pubsub or pubsub_is_emulated(), drain_s=drain_seconds,
        audit_witnesses=audit_witness, log_commands=log_level == "debug", session_idle_minutes=session_idle_minutes,
        session_hours=session_hours,
        web_push=not no_web_push, web_push_contact=web_push_contact, hot_lane=not no_hot_lane,
    )  # fmt: skip
    log_to_stderr(level=logging.getLevelNamesMapping()[log_level.upper()])
    run(server.serve(settings, ready=_say_ready, invite=_say_invitation))


def _say_ready(url: str) -> None:
    _say(f"Heliograph serves on {_shown(url)} (Ctrl-C ends it)\n")


def _say_invitation(url: str) -> None:
    _say(f"No one can sign in with a browser yet. This link makes the first admin, once, within an hour:\n  {_shown(url)}\n")


def _shown(url: str) -> str:
    return click.style(url, bold=True) if sys.stdout.isatty() else url


def _say(text: str) -> None:
    Outlet(sys.stdout.fileno()).put(text)  # a print would wait for a reader
