"""How true to what the server is: to the reference page, to what was seen of real AMAPI, or to the page and the documented JSON alone."""

import enum

from heliograph.protojson.reader_options import GOOGLES, STRICT, ReaderOptions


class Behaviour(enum.StrEnum):
    """The choices of `--behaviour`, also of a sandbox's world."""

    DOCUMENTED = "documented"
    """As the reference page says, in the JSON that Google's parsers take."""
    AS_OBSERVED = "as-observed"
    """As real AMAPI was observed to behave if it differs from its page (domain/quirks.py)."""
    STRICT = "strict"
    """As documented, and a body must be in the documented JSON: in CI this finds bodies that Google's parsers only put up with."""

    @property
    def reader(self) -> ReaderOptions:
        """How bodies of AMAPI's methods are read."""
        return STRICT if self is Behaviour.STRICT else GOOGLES
