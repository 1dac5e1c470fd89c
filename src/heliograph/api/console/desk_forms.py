"""What the pages of keys, roles and people have in common: who may send their forms, and what is to choose from."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from heliograph.api.console.guest import Guest, Json, SignInAgain
from heliograph.domain.access import EVERY_ENTERPRISE

ROLES_LIST, BINDINGS_LIST = "heliograph.roles.list", "heliograph.roleBindings.list"


async def sentences_of(guest: Guest, method_id: str, *, back: str) -> Mapping[str, str]:
    """Of a form that lets others do more: why the caller may not send it, empty if they may; and where to sign in again, if that helps.

    `back`: the page that the sign-in leads back to.
    """
    wrong = await guest.why_not(method_id)
    again = isinstance(wrong, SignInAgain)
    return {
        "locked": wrong.message if wrong else "",
        "sign_in_url": f"{guest.base}/sign-in?again=1&next={quote(back, safe='/')}" if again else "",
    }


async def require_but_fresh(guest: Guest, method_id: str) -> None:
    """Check that the caller may call the method, or could after another sign-in.  Raises: as Guest.require."""
    wrong = await guest.why_not(method_id)
    if wrong is not None and not isinstance(wrong, SignInAgain):
        await guest.require(method_id)


async def choices_of_roles(guest: Guest) -> Sequence[str]:
    """The roles that there are."""
    if not await guest.may(ROLES_LIST):
        return ()
    return [role["name"] for role in (await guest.ask(ROLES_LIST))["roles"]]


async def bindings_of(guest: Guest) -> Sequence[Json]:
    """Who has which role besides, as far as the caller may know."""
    if not await guest.may(BINDINGS_LIST):
        return ()
    found: Sequence[Json] = (await guest.ask(BINDINGS_LIST))["roleBindings"]
    return found


def enterprises_in_words(one: Json) -> str:
    """The enterprises of a key, a person or an invitation."""
    found: Sequence[str] = one["enterprises"]
    return "all" if EVERY_ENTERPRISE in found else ", ".join(found)


def is_sure(guest: Guest) -> bool:
    """Whether the box is ticked of a form whose outcome cannot be undone (`sure_box` in rows.html)."""
    return guest.field("sure") == "yes"
