"""An enterprise's sign-in details: what of them the server makes, and which a caller may ask for.

Two are the same if URL, personal usage and tag are: "uniquely identified by combination of the following three fields".

Source: disc, SigninDetail.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from heliograph.domain.device import AllowPersonalUsage
from heliograph.domain.enterprise import SigninDetail, SigninDetailDefaultStatus
from heliograph.protojson.errors import Violation

PATH = "enterprise.signin_details"
_DEFAULT = SigninDetailDefaultStatus.SIGNIN_DETAIL_IS_DEFAULT
_Key = tuple[str, AllowPersonalUsage, str]


def violations(wanted: Sequence[SigninDetail], stored: Sequence[SigninDetail]) -> Iterator[Violation]:
    """Every mistake in the list that shall replace the stored one: a stored detail twice, a second default."""
    known, seen, default = set(map(_key, stored)), set[_Key](), None
    for index, detail in enumerate(wanted):
        key = _key(detail)
        if key in known and key in seen:
            where = f"{PATH}[{index}]"
            yield Violation(where, f"{where} is stored already and may stand in the list once (signinUrl, allowPersonalUsage, tokenTag).")
        elif key not in seen and detail.default_status is _DEFAULT:
            if default is not None:
                where = f"{PATH}[{index}].default_status"
                yield Violation(where, f"{where}: {PATH}[{default}] is the default already, and only one can be.")
            default = index
        seen.add(key)


def completed(
    wanted: Sequence[SigninDetail], stored: Sequence[SigninDetail], *, new_tokens: Sequence[str], qr_code_of: Callable[[str], str]
) -> tuple[SigninDetail, ...]:
    """What is stored of the list: each detail once, with its token and QR code, and exactly one of them the default.

    A stored detail keeps its token; one that is new gets the next of `new_tokens`, of which there are as many as in `wanted`, and the
    QR code that `qr_code_of` makes of it. What the caller says in these fields is ignored.
    """
    known = {_key(detail): detail for detail in stored if detail.signin_enrollment_token}
    unused = iter(new_tokens)
    found: dict[_Key, SigninDetail] = {}
    for detail in wanted:
        key = _key(detail)
        if key in found:
            continue
        kept = known.get(key)
        token = kept.signin_enrollment_token if kept is not None else next(unused)
        code = kept.qr_code if kept is not None else qr_code_of(token)
        found[key] = msgspec.structs.replace(detail, signin_enrollment_token=token, qr_code=code)
    details = tuple(found.values())
    if details and all(detail.default_status is not _DEFAULT for detail in details):
        details = (msgspec.structs.replace(details[0], default_status=_DEFAULT), *details[1:])
    return details


def _key(detail: SigninDetail) -> _Key:
    return detail.signin_url, detail.allow_personal_usage, detail.token_tag
