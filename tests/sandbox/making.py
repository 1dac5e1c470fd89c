"""Worlds of one sandbox for a test."""

from tests.sandbox.client import Client


class Maker:
    """Makes worlds of one sandbox, and ends them."""

    def __init__(self, root: Client, address: str = "url") -> None:
        """`address`: by which of a world's addresses its client calls it."""
        self.root = root
        self.address = address
        self._made: list[str] = []

    def __call__(self, **wishes: object) -> Client:
        """A client of a new world."""
        made = self.root.post("/sandbox/v1/worlds", wishes)
        self._made.append(made["name"])
        return Client(made[self.address])

    def end_all(self) -> None:
        """Nothing is left of them."""
        for name in self._made:
            if name in [world["name"] for world in self.root.get("/sandbox/v1/worlds")["worlds"]]:
                self.root.ask("DELETE", f"/sandbox/v1/{name}")
