"""An identity provider that lies as a test asks it to: its tokens are signed with a real key, and its answers come over a real socket."""

import json
import secrets
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from heliograph.domain.openid import group_rule
from heliograph.openid.client import OpenIdClient
from tests.http_server import QuietHandler

Json = dict[str, Any]
KEYS = [rsa.generate_private_key(65_537, 2_048) for _ in range(2)]
CLIENT_ID = "heliograph"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
DROPPED = object()


class Reply(NamedTuple):
    """What it answers to one path."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Lies:
    """What it says, until a test changes it."""

    def __init__(self, issuer: str = "") -> None:
        self.issuer = issuer
        self.metadata: Json = {}
        self.claims: Json = {}
        self.drop: tuple[str, ...] = ()
        self.userinfo: Json = {}
        self.tokens: Json = {}
        self.sign: Callable[[Json], str] = signed
        self.replies: dict[str, Reply] = {}
        """Answers in place of the usual ones, by path."""
        self.asked: list[str] = []
        """The paths that were asked for, in their order."""
        self.nonce = ""
        self.now_s = 0

    def take_back(self) -> None:
        """From now on it says what is so."""
        vars(self).update(vars(Lies(self.issuer)))

    def client(self, group: str = "admins=admin:*") -> OpenIdClient:
        """A server's part; members of this group may do what it says."""
        return OpenIdClient(issuer=self.issuer, client_id=CLIENT_ID, client_secret="s", rules=(group_rule(group),))

    def reply(self, path: str, body: bytes) -> Reply:
        """The answer."""
        self.asked.append(path)
        if path in self.replies:
            return self.replies[path]
        return Reply(200, json.dumps(self._said(path, body)).encode())

    def _said(self, path: str, body: bytes) -> Json:
        if path == "/.well-known/openid-configuration":
            paths = {"authorization_endpoint": "/auth", "token_endpoint": "/token", "jwks_uri": "/keys", "userinfo_endpoint": "/me"}
            return {"issuer": self.issuer} | {name: self.issuer + one for name, one in paths.items()} | self.metadata
        if path == "/keys":
            return {"keys": [jwk(0)]}
        if path == "/me":
            return {"sub": "anna", "groups": ["admins"]} | self.userinfo
        assert parse_qs(body.decode())["code_verifier"]
        times = {"iat": self.now_s, "exp": self.now_s + 300}
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "sub": "anna", "nonce": self.nonce} | times | self.claims
        claims = {name: value for name, value in claims.items() if name not in self.drop}
        return {"access_token": "t", "token_type": "Bearer", "id_token": self.sign(claims)} | self.tokens


def signed(claims: Json, *, key: int = 0, kid: str = "k0", algorithm: str = "RS256") -> str:
    """The claims as a token."""
    return jwt.encode(claims, KEYS[key], algorithm=algorithm, headers={"kid": kid})


def logout_token(issuer: str, **changed: Any) -> str:  # noqa: ANN401 - a claim's value
    """A logout token of the standard's form; a claim that is `DROPPED` is left out."""
    now_s = int(time.time())
    claims = {"iss": issuer, "aud": CLIENT_ID, "iat": now_s, "exp": now_s + 120, "jti": secrets.token_hex(8), "events": {EVENT: {}}}
    claims = {name: value for name, value in (claims | {"sub": "anna"} | changed).items() if value is not DROPPED}
    return jwt.encode(claims, KEYS[0], algorithm="RS256", headers={"kid": "k0", "typ": "logout+jwt"})


def jwk(key: int) -> Json:
    """The public half of a key."""
    found: Json = RSAAlgorithm.to_jwk(KEYS[key].public_key(), as_dict=True)
    return found | {"kid": f"k{key}", "use": "sig", "alg": "RS256"}


def handler_of(lies: Lies) -> type[BaseHTTPRequestHandler]:
    """Answers as it says."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - http.server's name
            self._answer(b"")

        def do_POST(self) -> None:  # noqa: N802
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            reply = lies.reply(self.path, body)
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

    return Handler
