"""The public halves of the keys that tokens to push endpoints are signed with, for receivers that verify them.

As a JSON Web Key Set found by OpenID Connect Discovery, and as certificates, the form in which Google publishes its own. No one signs in:
there is nothing secret in them.
"""

from starlette.requests import Request
from starlette.responses import Response

from heliograph.api.http.address import Addresses
from heliograph.api.http.side_routes import json_response, side_router
from heliograph.asgi import Asgi
from heliograph.service.ports import Ports
from heliograph.service.signing_keys import ALGORITHM, jwk_of, published_keys

WELL_KNOWN = "/.well-known/"
CONFIGURATION = f"{WELL_KNOWN}openid-configuration"
KEY_SET = f"{WELL_KNOWN}jwks.json"
CERTIFICATES = "/heliograph/v1/certs"
KEPT_S = 3_600
"""Receivers may keep an answer so long: a key is published a day before it signs (domain/signing_key.AHEAD_US)."""


def signing_keys_app(ports: Ports, *, addresses: Addresses) -> Asgi:
    """The ASGI app for these three paths."""

    async def configuration(request: Request) -> object:
        # What OpenID Connect Discovery 1.0 §3 requires, as far as it means something here: this server authorizes no one.
        issuer = addresses.of(request.scope)
        return _public({
            "issuer": issuer,
            "jwks_uri": f"{issuer}{KEY_SET}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "claims_supported": ["iss", "sub", "azp", "aud", "email", "email_verified", "iat", "exp"],
        })  # fmt: skip

    async def key_set(_request: Request) -> object:
        return _public({"keys": [jwk_of(key) for key in await published_keys(ports)]})

    async def certificates(_request: Request) -> object:
        return _public({key.name.key_id: key.certificate for key in await published_keys(ports)})

    router: Asgi = side_router([("GET", CONFIGURATION, configuration), ("GET", KEY_SET, key_set), ("GET", CERTIFICATES, certificates)])
    return router


def _public(answer: object) -> Response:
    response = json_response(answer)
    response.headers["Cache-Control"] = f"public, max-age={KEPT_S}"
    return response
