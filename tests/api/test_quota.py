"""Quotas refuse as Google's do, count each call of a batch, and cost no memory without bound."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from heliograph.api.http.address import Addresses
from heliograph.api.http.quota import MINUTE_US, Quota, QuotaExceeded, site_of
from heliograph.service.limits import Limits, with_limits
from tests.api.live import Live, live_server, settings_for

START_US = 1_800_000_000_000_000


@pytest.fixture
def live_with_quota(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that answers three requests a minute to each caller, for one test."""
    with live_server(settings_for(tmp_path_factory.mktemp("data"), limits=Limits(quota_per_minute=3))) as server:
        yield server


def test_a_caller_gets_so_many_requests_in_a_minute_and_then_as_many_in_the_next() -> None:
    quota = Quota(2)
    quota.count("a", START_US)
    quota.count("a", START_US + 1)

    with pytest.raises(QuotaExceeded):
        quota.count("a", START_US + MINUTE_US - 1)
    quota.count("b", START_US + MINUTE_US - 1)
    quota.count("a", START_US + MINUTE_US)
    quota.count("a", START_US + MINUTE_US)
    with pytest.raises(QuotaExceeded):
        quota.count("a", START_US + MINUTE_US)


def test_retry_after_is_what_is_left_of_the_minute_rounded_up() -> None:
    quota = Quota(1)
    quota.count("a", START_US)

    with pytest.raises(QuotaExceeded) as refused:
        quota.count("a", START_US + 1)
    assert 60 == refused.value.retry_after_s
    with pytest.raises(QuotaExceeded) as refused:
        quota.count("a", START_US + 58_000_001)
    assert 2 == refused.value.retry_after_s


def test_a_crowd_of_callers_fills_no_memory() -> None:
    quota = Quota(5, consumers_most=100)

    for number in range(1_000):
        quota.count(f"caller-{number}", START_US + number)

    assert 100 == len(quota)


def test_an_ipv6_site_is_one_caller_and_an_ipv4_address_another() -> None:
    assert site_of("2001:db8:1:2::3") == site_of("2001:db8:1:2:ffff::4")
    assert site_of("2001:db8:1:2::3") != site_of("2001:db8:1:3::3")
    assert "10.1.2.3" == site_of("10.1.2.3")


def test_a_client_behind_trusted_proxies_is_known_by_its_own_address() -> None:
    addresses = Addresses(["10.0.0.0/8"])

    def seen(peer: str, *forwarded: bytes) -> str:
        return addresses.of_client({"client": (peer, 1), "headers": [(b"x-forwarded-for", value) for value in forwarded]})

    assert "198.51.100.7" == seen("10.0.0.1", b"6.6.6.6, 198.51.100.7, 10.0.0.2")
    assert "198.51.100.7" == seen("10.0.0.1", b"6.6.6.6", b"198.51.100.7")
    assert "203.0.113.9" == seen("203.0.113.9", b"198.51.100.7")
    assert "10.0.0.1" == seen("10.0.0.1")


def test_a_refusal_says_what_google_says(live_with_quota: Live) -> None:
    answers = [live_with_quota.call("GET", "/v1/enterprises?projectId=p") for _ in range(4)]

    assert [200, 200, 200, 429] == [answer.status for answer in answers]
    error = answers[-1].json["error"]
    said = (
        "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service 'androidmanagement.googleapis.com' "
        "for consumer 'address:127.0.0.1'."
    )
    assert said == error["message"]
    assert "RESOURCE_EXHAUSTED" == error["status"]
    info, retry = error["details"]
    assert ("RATE_LIMIT_EXCEEDED", "googleapis.com") == (info["reason"], info["domain"])
    assert ("3", "address:127.0.0.1") == (info["metadata"]["quota_limit_value"], info["metadata"]["consumer"])
    assert f"{answers[-1].headers['retry-after']}s" == retry["retryDelay"]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60


def test_pages_for_probes_and_people_count_for_nothing(live_with_quota: Live) -> None:
    assert [200] * 9 == [live_with_quota.call("GET", path).status for path in ("/healthz", "/readyz", "/metrics") * 3]
    assert 200 == live_with_quota.call("GET", "/v1/enterprises?projectId=p").status


def test_each_call_of_a_batch_counts(live_with_quota: Live) -> None:
    part = "--b\r\nContent-Type: application/http\r\n\r\nGET /v1/enterprises?projectId=p HTTP/1.1\r\n\r\n\r\n"
    answer = live_with_quota.call("POST", "/batch", part * 5 + "--b--", content_type="multipart/mixed; boundary=b")

    statuses = [line.split()[1] for line in answer.body.decode().splitlines() if line.startswith("HTTP/1.1")]

    assert ["200", "200", "200", "429", "429"] == statuses


@pytest.mark.both_ways
def test_a_device_takes_no_more_open_commands_than_the_limit_says(tmp_path: Path) -> None:
    with live_server(settings_for(tmp_path, limits=Limits(open_operations_most=2))) as live:
        device = live.device(live.enterprise())
        answers = [live.post(f"/v1/{device}:issueCommand", {"type": "LOCK"}) for _ in range(3)]
        listed = live.call("GET", f"/v1/{device}/operations").json["operations"]
        live.post(f"/v1/{listed[0]['name']}:cancel", {})
        again = live.post(f"/v1/{device}:issueCommand", {"type": "LOCK"})

    assert [200, 200, 429] == [answer.status for answer in answers]
    assert "RESOURCE_EXHAUSTED" == answers[-1].json["error"]["status"]
    assert "retry-after" in answers[-1].headers
    assert 2 == len(listed)
    assert 200 == again.status


@pytest.mark.both_ways
def test_what_an_enterprise_may_hold_is_bounded_in_googles_words(tmp_path: Path) -> None:
    limits = with_limits(Limits(), ["enrollment-tokens=1", "policies=1", "request-ids=1", "open-command-bytes=5000"])
    with live_server(settings_for(tmp_path, limits=limits)) as live:
        enterprise = live.enterprise()
        device = live.device(enterprise)
        packages = {"clearAppsDataParams": {"packageNames": ["a" * 4_500]}}
        asked = {
            "TOO_MANY_ENROLLMENT_TOKENS": [live.post(f"/v1/{enterprise}/enrollmentTokens", {})],
            "TOO_MANY_POLICIES": [live.call("PATCH", f"/v1/{enterprise}/policies/p{number}", "{}") for number in range(2)],
            "TOO_MANY_REQUEST_IDS": [
                live.call("POST", f"/v1/{device}:issueCommand", '{"type":"LOCK"}', **{"idempotency-key": f"key {number}"})
                for number in range(2)
            ],
            "OPEN_COMMANDS_TOO_LARGE": [live.post(f"/v1/{device}:issueCommand", packages) for _ in range(2)],
        }

    for reason, (*taken, refused) in asked.items():
        assert [200] * len(taken) == [answer.status for answer in taken], reason
        assert (429, "RESOURCE_EXHAUSTED") == (refused.status, refused.json["error"]["status"])
        info = next(detail for detail in refused.json["error"]["details"] if detail["@type"].endswith("google.rpc.ErrorInfo"))
        assert reason == info["reason"]
        assert info["metadata"]["limit"] in refused.message
        assert "retry-after" in refused.headers
