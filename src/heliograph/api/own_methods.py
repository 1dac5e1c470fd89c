"""Heliograph's own methods, which AMAPI does not have: one row each."""

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Method
from heliograph.api.resources import audit_entries, dead_letters, devices, events, operations, push_endpoints, reservations
from heliograph.domain.push_endpoint import PushEndpoint
from heliograph.service.timeline import Timeline

_ENTERPRISE = "enterprises/*"
_OPERATION = f"{_ENTERPRISE}/devices/*/operations/*"
_PUSH_ENDPOINT = f"{_ENTERPRISE}/pushEndpoints/*"
_RESERVATION = f"{_ENTERPRISE}/reservations/*"

OWN_METHODS = (
    Method(
        id="heliograph.operations.timeline",
        http="GET",
        path=f"{_OPERATION}/timeline",
        handler=operations.timeline,
        response=Timeline,
    ),
    Method(
        id="heliograph.events.list",
        http="GET",
        path=f"{_ENTERPRISE}/events",
        handler=events.list_,
        query=events.EventsQuery,
        streams=True,
        response=events.EventList,
    ),
    Method(
        id="heliograph.auditEntries.list",
        http="GET",
        path=f"{_ENTERPRISE}/auditEntries",
        handler=audit_entries.list_,
        query=audit_entries.ListAuditEntriesQuery,
        response=audit_entries.ListAuditEntriesResponse,
    ),
    Method(
        id="heliograph.deadLetters.list",
        http="GET",
        path=f"{_ENTERPRISE}/deadLetters",
        handler=dead_letters.list_,
        query=dead_letters.ListDeadLettersQuery,
        response=dead_letters.ListDeadLettersResponse,
    ),
    Method(
        id="heliograph.deadLetters.resend",
        http="POST",
        path=f"{_ENTERPRISE}/deadLetters:resend",
        handler=dead_letters.resend,
        takes_body=True,
        response=dead_letters.ResendDeadLettersResponse,
    ),
    Method(
        id="heliograph.reservations.create",
        http="POST",
        path=f"{_ENTERPRISE}/reservations",
        handler=reservations.create,
        takes_body=True,
        response=reservations.ReservationView,
    ),
    Method(
        id="heliograph.reservations.list",
        http="GET",
        path=f"{_ENTERPRISE}/reservations",
        handler=reservations.list_,
        query=PageQuery,
        response=reservations.ListReservationsResponse,
    ),
    Method(
        id="heliograph.reservations.get",
        http="GET",
        path=_RESERVATION,
        handler=reservations.get,
        response=reservations.ReservationView,
    ),
    Method(
        id="heliograph.reservations.heartbeat",
        http="POST",
        path=f"{_RESERVATION}:heartbeat",
        handler=reservations.heartbeat,
        takes_body=True,
        response=reservations.ReservationView,
    ),
    Method(
        id="heliograph.reservations.release",
        http="POST",
        path=f"{_RESERVATION}:release",
        handler=reservations.release,
        takes_body=True,
        response=reservations.ReservationView,
    ),
    Method(
        id="heliograph.pushEndpoints.create",
        http="POST",
        path=f"{_ENTERPRISE}/pushEndpoints",
        handler=push_endpoints.create,
        query=push_endpoints.CreatePushEndpointQuery,
        takes_body=True,
        response=PushEndpoint,
    ),
    Method(
        id="heliograph.pushEndpoints.list",
        http="GET",
        path=f"{_ENTERPRISE}/pushEndpoints",
        handler=push_endpoints.list_,
        query=PageQuery,
        response=push_endpoints.ListPushEndpointsResponse,
    ),
    Method(
        id="heliograph.pushEndpoints.get",
        http="GET",
        path=_PUSH_ENDPOINT,
        handler=push_endpoints.get,
        response=PushEndpoint,
    ),
    Method(
        id="heliograph.pushEndpoints.patch",
        http="PATCH",
        path=_PUSH_ENDPOINT,
        handler=push_endpoints.patch,
        query=devices.UpdateQuery,
        takes_body=True,
        response=PushEndpoint,
    ),
    Method(
        id="heliograph.pushEndpoints.delete",
        http="DELETE",
        path=_PUSH_ENDPOINT,
        handler=push_endpoints.delete,
    ),
    Method(
        id="heliograph.pushEndpoints.test",
        http="POST",
        path=f"{_PUSH_ENDPOINT}:test",
        handler=push_endpoints.test,
        takes_body=True,
    ),
    Method(
        id="heliograph.pushEndpoints.rotateSecret",
        http="POST",
        path=f"{_PUSH_ENDPOINT}:rotateSecret",
        handler=push_endpoints.rotate,
        takes_body=True,
        response=PushEndpoint,
    ),
)
"""What stands below `/heliograph/v1/`."""
