"""An identity provider over HTTP: discovery, authorization code with PKCE, tokens, keys. The protocol is Authlib's and joserfc's work.

Every request is bounded in time and bytes and follows no redirect; what a provider's own document names must be https, too.

Source: OpenID Connect Core 1.0 §3.1; OpenID Connect Discovery 1.0 §4; RFC 7636 (PKCE); RFC 9207 (`iss` in answers); RFC 9700 §2.1;
OpenID Connect Back-Channel Logout 1.0; OpenID Connect RP-Initiated Logout 1.0.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import msgspec
import structlog

from heliograph.domain.openid import GroupRule, check_provider_url
from heliograph.domain.openid_logout import LEEWAY_S, Logout, LogoutTokenRejected, logout_in
from heliograph.domain.session import Attempt
from heliograph.openid.client import OpenIdClient
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.parser import MALFORMED
from heliograph.service.openid import ProviderAnswerRejected, ProviderUnreachable

log = structlog.get_logger()

TIMEOUT_S = 10
ANSWER_MAX_BYTES = 262_144
"""A key set with a dozen certificates has 30 KB."""
AT_ONCE_MOST = 16
"""Anyone may come back with a made-up code; no more than this many are asked about at a time."""
KEPT_US = 3_600 * 1_000_000
"""How long the discovery document and the keys are kept."""
ASKED_AGAIN_US = 30 * 1_000_000
"""Keys are asked for again at once when a token names an unknown one; for the next unknown one, after this."""
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""By public key only: what anyone can verify, only the provider can sign."""
SCOPES = ("openid", "email", "profile")


class _Kept:
    """A document of the provider's, and since when."""

    def __init__(self) -> None:
        self.value: Mapping[str, Any] | None = None
        self.since_us = 0

    def is_younger(self, than_us: int, now_us: int) -> bool:
        return self.value is not None and 0 <= now_us - self.since_us < than_us


class Provider:
    """See service/openid.py, IdentityProvider."""

    def __init__(self, client: OpenIdClient, *, now_us: Callable[[], int]) -> None:
        """`now_us`: the true wall clock, since tokens have another machine's times."""
        self._client = client
        self._now_us = now_us
        self._metadata, self._keys = _Kept(), _Kept()
        self._asked_again_us: int | None = None
        self._at_once, self._logouts_at_once = asyncio.Semaphore(AT_ONCE_MOST), asyncio.Semaphore(AT_ONCE_MOST)
        self._fetching = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._client.name or urlsplit(self._client.issuer).netloc

    @property
    def groups_claim(self) -> str:
        return self._client.groups_claim

    @property
    def rules(self) -> Sequence[GroupRule]:
        return self._client.rules

    async def authorization_url(self, attempt: Attempt, redirect_uri: str) -> str:
        from authlib.oauth2.client import OAuth2Client  # noqa: PLC0415 - 0.2 s, with the first person who signs in so

        client = OAuth2Client(
            None, client_id=self._client.client_id, redirect_uri=redirect_uri, code_challenge_method="S256",
            scope=" ".join(dict.fromkeys((*SCOPES, *self._client.more_scopes))),
        )  # fmt: skip
        endpoint = await self._endpoint("authorization_endpoint")
        url, _ = client.create_authorization_url(endpoint, state=attempt.state, code_verifier=attempt.code_verifier, nonce=attempt.nonce)
        return str(url)

    async def claims(self, answer: Mapping[str, str], attempt: Attempt, redirect_uri: str) -> Mapping[str, Any]:
        if self._at_once.locked():
            raise ProviderUnreachable("Too many people sign in at this moment. Try again.")
        async with self._at_once:
            metadata = await self._discovered()
            _check_issuer(answer, metadata)
            tokens = await self._tokens(answer.get("code", ""), attempt, redirect_uri)
            claims = await self._verified(tokens, attempt)
            return await self._with_userinfo(claims, tokens)

    async def logout(self, token: str) -> Logout:
        from joserfc.errors import JoseError  # noqa: PLC0415 - as above

        if self._logouts_at_once.locked():
            raise ProviderUnreachable("Too many sessions end at this moment. Try again.")
        async with self._logouts_at_once:
            issuer = (await self._discovered())["issuer"]
            try:
                header, claims = await self._decoded(token)
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise LogoutTokenRejected(metadata={"claim": type(error).__name__}) from None
        now_s = self._now_us() // 1_000_000
        return logout_in(header, claims, issuer=issuer, client_id=self._client.client_id, now_s=now_s)

    async def sign_out_url(self, back_to: str) -> str:
        metadata = await self._discovered()
        if not metadata.get("end_session_endpoint"):
            return ""
        endpoint = await self._endpoint("end_session_endpoint")
        more = urlencode({"client_id": self._client.client_id, "post_logout_redirect_uri": back_to})
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{more}"

    async def _tokens(self, code: str, attempt: Attempt, redirect_uri: str) -> Mapping[str, Any]:
        """What the code is exchanged for.  Raises: ProviderUnreachable, ProviderAnswerRejected."""
        from authlib.oauth2.auth import ClientAuth  # noqa: PLC0415
        from authlib.oauth2.rfc6749.parameters import prepare_token_request  # noqa: PLC0415

        body = prepare_token_request("authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=attempt.code_verifier)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        # Escaped as RFC 6749 §2.3.1 says, which Authlib leaves out.
        method = await self._token_auth_method()
        escape = quote if method == "client_secret_basic" else str
        auth = ClientAuth(escape(self._client.client_id), escape(self._client.client_secret), method)
        url, headers, body = auth.prepare("POST", await self._endpoint("token_endpoint"), headers, body)  # type: ignore[no-untyped-call]
        status, found = await self._asked("POST", url, headers=headers, data=body)
        if status != OK:
            log.info("openid.refused", http_status=status, error=str(found.get("error", ""))[:64])
            raise ProviderAnswerRejected
        return found

    async def _token_auth_method(self) -> str:
        if not self._client.client_secret:
            return "none"
        known = (await self._discovered()).get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return "client_secret_basic" if "client_secret_basic" in known else "client_secret_post"

    async def _verified(self, tokens: Mapping[str, Any], attempt: Attempt) -> Mapping[str, Any]:
        """The claims of the ID token: signed by the provider, for this server, in this attempt, now.

        Raises: ProviderUnreachable, ProviderAnswerRejected.
        """
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415

        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise ProviderAnswerRejected
        try:
            header, claims = await self._decoded(id_token)
            wanted = {
                "iss": {"essential": True, "value": (await self._discovered())["issuer"]},
                "aud": {"essential": True, "value": self._client.client_id},
            }
            params = {"nonce": attempt.nonce, "client_id": self._client.client_id, "access_token": tokens.get("access_token")}
            judged = CodeIDToken(claims, header, wanted, params)
            judged.validate(now=self._now_us() // 1_000_000, leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.info("openid.refused", http_status=OK, error=f"{type(error).__name__} {error}"[:128])
            raise ProviderAnswerRejected from None
        return claims

    async def _decoded(self, id_token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Header and claims, the signature verified.  Raises: JoseError, ValueError, ProviderUnreachable."""
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.errors import InvalidKeyIdError  # noqa: PLC0415
        from joserfc.jwk import KeySet  # noqa: PLC0415
        from joserfc.jws import JWSRegistry  # noqa: PLC0415

        registry = JWSRegistry(algorithms=sorted(ALGORITHMS), strict_check_header=False)
        try:
            token = jwt.decode(id_token, KeySet.import_key_set(await self._key_set()), registry=registry)  # type: ignore[arg-type]
        except InvalidKeyIdError:  # the provider has new keys
            token = jwt.decode(id_token, KeySet.import_key_set(await self._key_set(again=True)), registry=registry)  # type: ignore[arg-type]
        return token.header, token.claims

    async def _with_userinfo(self, claims: Mapping[str, Any], tokens: Mapping[str, Any]) -> Mapping[str, Any]:
        """With what the provider says only when it is asked; what the ID token says counts.  Raises: ProviderUnreachable."""
        metadata, access_token = await self._discovered(), tokens.get("access_token")
        if not metadata.get("userinfo_endpoint") or not isinstance(access_token, str) or not access_token.isascii():
            return claims
        url = await self._endpoint("userinfo_endpoint")
        status, found = await self._asked("GET", url, headers={"Authorization": f"Bearer {access_token}", "Accept": "application/json"})
        if status != OK or found.get("sub") != claims.get("sub"):  # OpenID Connect Core 1.0 §5.3.2: else it may be another person
            raise ProviderAnswerRejected
        return {**found, **claims}

    async def _discovered(self) -> Mapping[str, Any]:
        """The provider's discovery document.  Raises: ProviderUnreachable."""
        async with self._fetching:
            if self._metadata.is_younger(KEPT_US, self._now_us()) and self._metadata.value is not None:
                return self._metadata.value
            status, found = await self._asked("GET", f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration")
            if status != OK or found.get("issuer") != self._client.issuer:
                log.warning("openid.unreachable", http_status=status, issuer=str(found.get("issuer", ""))[:256])
                raise ProviderUnreachable(
                    "The identity provider's discovery document is missing, or names another issuer than --oidc-issuer."
                )
            self._metadata.value, self._metadata.since_us = found, self._now_us()
            return found

    async def _endpoint(self, name: str) -> str:
        """Raises: ProviderUnreachable: the document does not name it, or not by https."""
        try:
            return check_provider_url(str((await self._discovered()).get(name, "")))
        except InvalidArgument:
            raise ProviderUnreachable(f"The identity provider's discovery document has no {name} by https.") from None

    async def _key_set(self, *, again: bool = False) -> Mapping[str, Any]:
        """The provider's keys; `again`: not those that are known, unless they were asked for just now.  Raises: ProviderUnreachable."""
        url = await self._endpoint("jwks_uri")
        async with self._fetching:
            now_us = self._now_us()
            if again and (self._asked_again_us is None or now_us - self._asked_again_us >= ASKED_AGAIN_US):
                self._asked_again_us = now_us
            elif self._keys.is_younger(KEPT_US, now_us) and self._keys.value is not None:
                return self._keys.value
            status, found = await self._asked("GET", url)
            if status != OK or not isinstance(found.get("keys"), list):
                raise ProviderUnreachable
            self._keys.value, self._keys.since_us = found, now_us
            return found

    async def _asked(self, http_method: str, url: str, **more: Any) -> tuple[int, Mapping[str, Any]]:  # noqa: ANN401 - aiohttp's own
        """Status and JSON object of an answer.  Raises: ProviderUnreachable."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.request(http_method, url, allow_redirects=False, **more) as response,
            ):
                body = await response.content.read(ANSWER_MAX_BYTES + 1)
                while len(body) <= ANSWER_MAX_BYTES and (chunk := await response.content.read(ANSWER_MAX_BYTES + 1 - len(body))):
                    body += chunk
                if len(body) > ANSWER_MAX_BYTES:
                    raise ProviderUnreachable
                return response.status, msgspec.json.decode(body, type=dict[str, Any])
        except (aiohttp.ClientError, TimeoutError, OSError, *MALFORMED) as error:
            log.warning("openid.unreachable", http_status=0, issuer=self._client.issuer, error=type(error).__name__)
            raise ProviderUnreachable from None


OK = 200


def _check_issuer(answer: Mapping[str, str], metadata: Mapping[str, Any]) -> None:
    """Check that the answer came from this provider, if it says from whom it came, as providers that can must.  Source: RFC 9207 §2.4.

    Raises: ProviderAnswerRejected.
    """
    required = metadata.get("authorization_response_iss_parameter_supported") is True
    if answer.get("iss", metadata["issuer"] if not required else "") != metadata["issuer"]:
        raise ProviderAnswerRejected
