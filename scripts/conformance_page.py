"""What the pages say of AMAPI, made from the ledger: README's tables of differences and quirks, and the tables of docs/conformance.md."""

import contextlib
from collections.abc import Iterator, Mapping

from heliograph.commands import COMMANDS
from heliograph.conformance.ledger import Assumed, Claim, Documented, Evidence, Observed, Place, ledger
from heliograph.conformance.run import Result, Standing, probe_server, score
from heliograph.conformance.server import Server
from heliograph.domain.behaviour import Behaviour
from heliograph.domain.quirks import Quirk
from scripts.markdown import table
from scripts.real_session import Session

ENTERPRISE = "enterprises/sandbox"
SHOWN_MOST_CHARS = 100


def differences() -> str:
    """README's table: what Heliograph does otherwise, or beyond the page, and what is known of AMAPI."""
    rows = [
        (claim.subject, "; ".join(filter(None, (claim.heliograph.documented, claim.more))), known_of_amapi(claim), how_sure(claim))
        for claim in ledger().values()
        if claim.place is Place.DIFFERENCES
    ]
    return table(("", "Heliograph", "AMAPI", "how sure"), rows)


def quirks() -> str:
    """README's table: what `--behaviour as-observed` does otherwise."""
    rows = []
    for quirk in Quirk:
        claim = ledger()[quirk.value]
        types = ", ".join(f"`{row.name}`" for row in COMMANDS.values() if quirk in row.as_observed)
        rows.append((types, claim.subject, claim.heliograph.documented, claim.heliograph.as_observed, seen_by(claim)))
    return table(("command", "what", "as documented", "as observed", "who saw it"), rows)


def quirk_in_words(quirk: Quirk) -> str:
    """For the page of a command."""
    claim = ledger()[quirk.value]
    ours = claim.heliograph
    known = f"[how we know](../conformance.md#{quirk.value})"
    return (
        f"{claim.subject[0].upper()}{claim.subject[1:]}: {ours.as_observed}; its page says {ours.documented} ({seen_by(claim)}; {known})."
    )


def known_of_amapi(claim: Claim) -> str:
    """What it is documented or was seen to do."""
    return "; ".join(evidence.answer for evidence in claim.evidence if not isinstance(evidence, Assumed)) or "not documented"


def how_sure(claim: Claim) -> str:
    """Every kind of evidence, in short."""
    return "; ".join(f"assumed: {evidence.answer}" if isinstance(evidence, Assumed) else _short(evidence) for evidence in claim.evidence)


def seen_by(claim: Claim) -> str:
    """Who saw what is not documented, or why it is assumed."""
    return "; ".join(_short(evidence) for evidence in claim.evidence if not isinstance(evidence, Documented))


def _short(evidence: Evidence) -> str:
    match evidence:
        case Documented():
            return "documented"
        case Observed():
            return f"observed {evidence.n}×, {evidence.date}: {evidence.by}"
        case Assumed():
            return f"assumed: {evidence.why}"


def ledger_table() -> str:
    """Every claim with its evidence, for docs/conformance.md."""
    rows = [
        (f"`{name}`" if number else f'<a id="{name}"></a>`{name}`', claim.subject, _cut(evidence.answer), _source(evidence))
        for name, claim in ledger().items()
        for number, evidence in enumerate(claim.evidence)
    ]
    return table(("claim", "about", "AMAPI", "how we know"), rows)


def _source(evidence: Evidence) -> str:
    facts = f" ([{evidence.facts}](spec/amapi.md))" if evidence.facts else ""
    match evidence:
        case Documented(page="disc"):
            return f"documented: discovery document, “{evidence.sentence}”{facts}"
        case Documented():
            return f"documented: [page]({evidence.page}), “{evidence.sentence}”{facts}"
        case _:
            return f"{_short(evidence)}{facts}"


def scores(session: Session) -> Mapping[str, str]:
    """The blocks of docs/conformance.md that runs make: a score and a table of answers in the three behaviours."""
    runs = {behaviour: list(_run(session, behaviour)) for behaviour in Behaviour}
    counts = {behaviour: score(run) for behaviour, run in runs.items()}
    standings = [standing for standing in Standing if any(count[standing] for count in counts.values())]
    rows = [(f"`{behaviour}`", *(str(count[standing]) for standing in standings)) for behaviour, count in counts.items()]
    answers = [
        (
            f"`{first.name}`",
            first.claim.subject,
            _answer(first),
            *("same" if other.answer == first.answer else _answer(other) for other in others),
        )
        for first, *others in zip(*runs.values(), strict=True)
    ]
    columns = ("claim", "about", *(f"`{behaviour}`" for behaviour in runs))
    return {"score": table(("behaviour", *standings), rows), "answers": table(columns, answers)}


def _run(session: Session, behaviour: Behaviour) -> Iterator[Result]:
    with session.made({"behaviour": behaviour, "now": None}) as (url, _id), contextlib.closing(Server(url, ENTERPRISE)) as server:
        server.add_all_devices()
        yield from probe_server(server, may_change=True)


def _answer(result: Result) -> str:
    return f"{_cut(result.answer)} – {result.standing}"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_MOST_CHARS else f"{text[:SHOWN_MOST_CHARS]}…"
