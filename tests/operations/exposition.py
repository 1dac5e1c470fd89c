"""/metrics as a test asks it: one number by name and labels."""

from collections.abc import Mapping
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.patience import PATIENCE_S

Labels = frozenset[tuple[str, str]]


class Exposition:
    """What /metrics said at one moment."""

    def __init__(self, text: str) -> None:
        self._samples: dict[tuple[str, Labels], float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples[sample.name, frozenset(sample.labels.items())] = sample.value

    def __getitem__(self, name: str) -> float:
        """The number that has no labels.  Raises: KeyError."""
        return self.value(name)

    def value(self, name: str, **labels: str) -> float:
        """The number with these labels, all of them named.  Raises: KeyError."""
        return self._samples[name, frozenset(labels.items())]

    def by(self, name: str, *labels: str) -> Mapping[tuple[str, ...], int]:
        """Everything but zero under this name, by its labels in this order."""
        found = ((dict(of), value) for (sample, of), value in self._samples.items() if sample == name)
        return {tuple(of[label] for label in labels): round(value) for of, value in found if value}

    @property
    def names(self) -> frozenset[str]:
        """Every name of a number."""
        return frozenset(name for name, _ in self._samples)

    def labels_of(self, name: str) -> frozenset[str]:
        """The labels that numbers of this name have."""
        return frozenset(label for sample, of in self._samples if sample == name for label, _ in of)


def exposition(url: str) -> Exposition:
    """What the server at this address says now."""
    with urlopen(f"{url}/metrics", timeout=PATIENCE_S) as answer:  # noqa: S310 - our own loopback address
        return Exposition(answer.read().decode())
