"""An enterprise that subscribed is notified of every end, and of nothing else."""

from collections.abc import Iterator

from heliograph.history.evidence import Evidence
from heliograph.history.rules.breach import Breach


def every_end_is_told(evidence: Evidence) -> Iterator[Breach]:
    """Each end of a command that was issued after its enterprise subscribed is sent at least once."""
    for operation in evidence.final.values():
        issue = evidence.issues.get(operation.tag)
        since = evidence.subscribed.get(operation.name.partition("/devices/")[0])
        if operation.done and issue and since is not None and issue.began > since and operation.name not in evidence.told:
            yield Breach(operation.name, f"{operation.name} ended, but its enterprise was never notified.")


def what_is_told_is_the_end(evidence: Evidence) -> Iterator[Breach]:
    """Every notification of a command shows what the server shows at the end."""
    for name, notifications in evidence.told.items():
        final = evidence.final.get(name)
        for notified in notifications:
            if final is None and notified.device in evidence.lists:
                yield Breach(name, f"An enterprise was notified of {name}, which does not exist.")
            elif final is not None and notified.end != final.end:
                yield Breach(name, f"An enterprise read that {name} ended as {notified.end or 'open'}, but it is {final.end or 'open'}.")
