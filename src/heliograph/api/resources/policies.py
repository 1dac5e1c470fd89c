"""The policies resource."""

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Call
from heliograph.api.resources.answers import EMPTY, list_body
from heliograph.api.resources.devices import UpdateQuery
from heliograph.domain.names import EnterpriseName, PolicyName
from heliograph.domain.policy_messages import ModifyPolicyApplicationsRequest, Policy, RemovePolicyApplicationsRequest
from heliograph.protojson.field_mask import parse_field_mask
from heliograph.service.policies import (
    delete_policy,
    get_policy,
    list_policies,
    modify_policy_applications,
    patch_policy,
    remove_policy_applications,
)


async def get(call: Call) -> bytes:
    """The policy.  Source: disc, policies.get."""
    return (await get_policy(call.ports, PolicyName(*call.ids))).resource


async def list_(call: Call) -> bytes:
    """One page of an enterprise's policies, oldest first.  Source: disc, policies.list."""
    query: PageQuery = call.query
    policies, next_page_token = await list_policies(
        call.ports, EnterpriseName(*call.ids), page_size=query.page_size, page_token=query.page_token
    )
    return list_body("policies", (policy.resource for policy in policies), next_page_token)


async def patch(call: Call) -> bytes:
    """The policy as it is now; one that did not exist was made.  Source: disc, policies.patch."""
    query: UpdateQuery = call.query
    wanted = await call.message(Policy, root="policy")
    mask = parse_field_mask(query.update_mask, of=Policy) or None
    return (await patch_policy(call.ports, PolicyName(*call.ids), wanted, mask)).resource


async def delete(call: Call) -> bytes:
    """An empty answer: the policy is gone.  Source: disc, policies.delete."""
    await delete_policy(call.ports, PolicyName(*call.ids))
    return EMPTY


async def modify_applications(call: Call) -> bytes:
    """The policy as it is now.  Source: disc, policies.modifyPolicyApplications."""
    request = await call.message(ModifyPolicyApplicationsRequest, root="")
    return _changed((await modify_policy_applications(call.ports, PolicyName(*call.ids), request)).resource)


async def remove_applications(call: Call) -> bytes:
    """The policy as it is now.  Source: disc, policies.removePolicyApplications."""
    request = await call.message(RemovePolicyApplicationsRequest, root="")
    return _changed((await remove_policy_applications(call.ports, PolicyName(*call.ids), request)).resource)


def _changed(resource: bytes) -> bytes:
    return b'{"policy":%s}' % resource
