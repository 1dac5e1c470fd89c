"""Who a caller is: the person behind its key, or its account."""

from msgspec.structs import replace

from heliograph.domain.access import ANYBODY, Caller
from tests.sign_in.accounts import KEY


def test_two_keys_of_one_person_are_one_actor() -> None:
    first = replace(KEY, person="ann@acme.example")
    second = replace(first, key_id="k2", client_email="laptop@acme")

    assert {"ann@acme.example"} == {first.caller.actor, second.caller.actor}
    assert {"k1", "k2"} == {first.caller.key_id, second.caller.key_id}


def test_a_caller_without_a_person_is_its_account_and_one_without_a_name_anybody() -> None:
    assert "ci@acme" == KEY.caller.actor
    assert "anybody" == ANYBODY.actor == Caller().actor
