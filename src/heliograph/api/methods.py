"""Every method of AMAPI, served or not: one row each.

Source: disc, `methods` (a test compares every row).
"""

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Method, not_offered
from heliograph.api.resources import (
    applications,
    devices,
    enrollment_tokens,
    enterprises,
    operations,
    policies,
    provisioning_info,
    signup_urls,
    web_apps,
)
from heliograph.commands import ENVELOPE
from heliograph.domain.application import Application
from heliograph.domain.device import Device
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.enterprise_upgrade import UpgradeUrlRequest, UpgradeUrlResponse
from heliograph.domain.official_messages import MESSAGES
from heliograph.domain.policy_messages import (
    ListPoliciesResponse,
    ModifyPolicyApplicationsRequest,
    ModifyPolicyApplicationsResponse,
    Policy,
    RemovePolicyApplicationsRequest,
    RemovePolicyApplicationsResponse,
)
from heliograph.domain.provisioning import ProvisioningInfo
from heliograph.domain.web_app import WebApp

_ENTERPRISE = "enterprises/*"
_DEVICE = f"{_ENTERPRISE}/devices/*"
_OPERATION = f"{_DEVICE}/operations/*"
_TOKEN = f"{_ENTERPRISE}/enrollmentTokens/*"
_POLICY = f"{_ENTERPRISE}/policies/*"
_WEB_APP = f"{_ENTERPRISE}/webApps/*"

_ENTERPRISES_ID = "androidmanagement.enterprises"
_DEVICES_ID = f"{_ENTERPRISES_ID}.devices"
_OPERATIONS_ID = f"{_DEVICES_ID}.operations"
_TOKENS_ID = f"{_ENTERPRISES_ID}.enrollmentTokens"
_POLICIES_ID = f"{_ENTERPRISES_ID}.policies"
_WEB_APPS_ID = f"{_ENTERPRISES_ID}.webApps"

_SERVED = (
    Method(
        id=f"{_DEVICES_ID}.issueCommand",
        http="POST",
        path=f"{_DEVICE}:issueCommand",
        handler=operations.issue,
        at_once=operations.issue_at_once,
        query=operations.IssueCommandQuery,
        takes_body=True,
        summary="Issues a command to a device. The operation in the answer has the command in its metadata; operations.get follows it.",
        request=ENVELOPE.message,
        response="Operation",
    ),
    Method(
        id=f"{_OPERATIONS_ID}.get",
        http="GET",
        path=_OPERATION,
        handler=operations.get,
        at_once=operations.get_at_once,
        summary="Gets a command's operation: whether it is done, and how it ended.",
        response="Operation",
    ),
    Method(
        id=f"{_OPERATIONS_ID}.list",
        http="GET",
        path=f"{_DEVICE}/operations",
        handler=operations.list_,
        at_once=operations.list_at_once,
        query=operations.ListOperationsQuery,
        summary="Lists a device's operations, oldest first.",
        response="ListOperationsResponse",
    ),
    Method(
        id=f"{_OPERATIONS_ID}.cancel",
        http="POST",
        path=f"{_OPERATION}:cancel",
        handler=operations.cancel,
        takes_body=True,
        summary="Cancels a command that the device has not acknowledged yet; operations.get shows whether that worked.",
    ),
    Method(id=f"{_DEVICES_ID}.get", http="GET", path=_DEVICE, handler=devices.get, summary="Gets a device.", response=Device),
    Method(
        id=f"{_DEVICES_ID}.list",
        http="GET",
        path=f"{_ENTERPRISE}/devices",
        handler=devices.list_,
        query=PageQuery,
        summary="Lists the devices of an enterprise, oldest enrolment first.",
        response=devices.ListDevicesResponse,
        path_parameter="parent",
    ),
    Method(
        id=f"{_DEVICES_ID}.patch",
        http="PATCH",
        path=_DEVICE,
        handler=devices.patch,
        query=devices.UpdateQuery,
        takes_body=True,
        summary="Changes a device's state (ACTIVE or DISABLED), disabledReason or policyName.",
        request=Device,
        response=Device,
    ),
    Method(
        id=f"{_DEVICES_ID}.delete",
        http="DELETE",
        path=_DEVICE,
        handler=devices.delete,
        query=devices.DeleteDeviceQuery,
        destructive=True,
        summary="Deletes a device at once; its phone wipes itself when it next connects. To follow or cancel a wipe, issue a WIPE command.",
    ),
    Method(
        id=f"{_ENTERPRISES_ID}.create",
        http="POST",
        path="enterprises",
        handler=enterprises.create,
        query=enterprises.CreateEnterpriseQuery,
        takes_body=True,
        summary="Creates an enterprise.",
        request=Enterprise,
        response=Enterprise,
    ),
    Method(
        id=f"{_ENTERPRISES_ID}.get",
        http="GET",
        path=_ENTERPRISE,
        handler=enterprises.get,
        summary="Gets an enterprise.",
        response=Enterprise,
    ),
    Method(
        id=f"{_ENTERPRISES_ID}.generateEnterpriseUpgradeUrl",
        http="POST",
        path=f"{_ENTERPRISE}:generateEnterpriseUpgradeUrl",
        handler=enterprises.generate_upgrade_url,
        takes_body=True,
        summary="Creates the URL of a page of this server on which an admin makes the enterprise a managed Google domain, in name.",
        request=UpgradeUrlRequest,
        response=UpgradeUrlResponse,
    ),
    Method(
        id=f"{_ENTERPRISES_ID}.list",
        http="GET",
        path="enterprises",
        handler=enterprises.list_,
        query=enterprises.ListEnterprisesQuery,
        summary="Lists the enterprises that the caller manages; only their names and display names.",
        response=enterprises.ListEnterprisesResponse,
    ),
    Method(
        id=f"{_ENTERPRISES_ID}.patch",
        http="PATCH",
        path=_ENTERPRISE,
        handler=enterprises.patch,
        query=devices.UpdateQuery,
        takes_body=True,
        summary="Changes an enterprise.",
        request=Enterprise,
        response=Enterprise,
    ),
    Method(
        id=f"{_ENTERPRISES_ID}.delete",
        http="DELETE",
        path=_ENTERPRISE,
        handler=enterprises.delete,
        destructive=True,
        summary="Deletes an enterprise and all its devices, each as by devices.delete.",
    ),
    Method(
        id=f"{_TOKENS_ID}.create",
        http="POST",
        path=f"{_ENTERPRISE}/enrollmentTokens",
        handler=enrollment_tokens.create,
        takes_body=True,
        summary="Creates a token that devices enrol with.",
        request=EnrollmentToken,
        response=EnrollmentToken,
        path_parameter="parent",
    ),
    Method(
        id=f"{_TOKENS_ID}.get",
        http="GET",
        path=_TOKEN,
        handler=enrollment_tokens.get,
        summary="Gets an enrolment token that has not expired.",
        response=EnrollmentToken,
    ),
    Method(
        id=f"{_TOKENS_ID}.list",
        http="GET",
        path=f"{_ENTERPRISE}/enrollmentTokens",
        handler=enrollment_tokens.list_,
        query=PageQuery,
        summary="Lists the enrolment tokens of an enterprise that have not expired, oldest first.",
        response=enrollment_tokens.ListEnrollmentTokensResponse,
        path_parameter="parent",
    ),
    Method(
        id=f"{_TOKENS_ID}.delete",
        http="DELETE",
        path=_TOKEN,
        handler=enrollment_tokens.delete,
        summary="Deletes an enrolment token: no more devices can enrol with it.",
    ),
    Method(
        id=f"{_POLICIES_ID}.get",
        http="GET",
        path=_POLICY,
        handler=policies.get,
        summary="Gets a policy.",
        response=Policy,
    ),
    Method(
        id=f"{_POLICIES_ID}.list",
        http="GET",
        path=f"{_ENTERPRISE}/policies",
        handler=policies.list_,
        query=PageQuery,
        summary="Lists the policies of an enterprise, oldest first.",
        response=ListPoliciesResponse,
        path_parameter="parent",
    ),
    Method(
        id=f"{_POLICIES_ID}.patch",
        http="PATCH",
        path=_POLICY,
        handler=policies.patch,
        query=devices.UpdateQuery,
        takes_body=True,
        summary="Changes a policy, or creates it if it does not exist. Its devices are notified.",
        request=Policy,
        response=Policy,
    ),
    Method(
        id=f"{_POLICIES_ID}.delete",
        http="DELETE",
        path=_POLICY,
        handler=policies.delete,
        summary="Deletes a policy that no device has.",
    ),
    Method(
        id=f"{_POLICIES_ID}.modifyPolicyApplications",
        http="POST",
        path=f"{_POLICY}:modifyPolicyApplications",
        handler=policies.modify_applications,
        takes_body=True,
        summary="Changes single applications of a policy, or adds them.",
        request=ModifyPolicyApplicationsRequest,
        response=ModifyPolicyApplicationsResponse,
    ),
    Method(
        id=f"{_POLICIES_ID}.removePolicyApplications",
        http="POST",
        path=f"{_POLICY}:removePolicyApplications",
        handler=policies.remove_applications,
        takes_body=True,
        summary="Removes applications from a policy.",
        request=RemovePolicyApplicationsRequest,
        response=RemovePolicyApplicationsResponse,
    ),
    Method(
        id=f"{_WEB_APPS_ID}.create",
        http="POST",
        path=f"{_ENTERPRISE}/webApps",
        handler=web_apps.create,
        takes_body=True,
        summary="Creates a web app, under a package name that the server makes.",
        request=WebApp,
        response=WebApp,
        path_parameter="parent",
    ),
    Method(
        id=f"{_WEB_APPS_ID}.get",
        http="GET",
        path=_WEB_APP,
        handler=web_apps.get,
        summary="Gets a web app.",
        response=WebApp,
    ),
    Method(
        id=f"{_WEB_APPS_ID}.list",
        http="GET",
        path=f"{_ENTERPRISE}/webApps",
        handler=web_apps.list_,
        query=PageQuery,
        summary="Lists the web apps of an enterprise, oldest first.",
        response=web_apps.ListWebAppsResponse,
        path_parameter="parent",
    ),
    Method(
        id=f"{_WEB_APPS_ID}.patch",
        http="PATCH",
        path=_WEB_APP,
        handler=web_apps.patch,
        query=devices.UpdateQuery,
        takes_body=True,
        summary="Changes a web app; its version rises by one.",
        request=WebApp,
        response=WebApp,
    ),
    Method(
        id=f"{_WEB_APPS_ID}.delete",
        http="DELETE",
        path=_WEB_APP,
        handler=web_apps.delete,
        summary="Deletes a web app.",
    ),
    Method(
        id=f"{_ENTERPRISES_ID}.applications.get",
        http="GET",
        path=f"{_ENTERPRISE}/applications/*",
        handler=applications.get,
        query=applications.GetApplicationQuery,
        summary="Gets an application: a web app of the enterprise, or a stand-in whose title is its package name.",
        response=Application,
    ),
    Method(
        id="androidmanagement.provisioningInfo.get",
        http="GET",
        path="provisioningInfo/*",
        handler=provisioning_info.get,
        summary="Gets what is known of a phone that is being set up, by the code that came to the sign-in page.",
        response=ProvisioningInfo,
    ),
    Method(
        id="androidmanagement.signupUrls.create",
        http="POST",
        path="signupUrls",
        handler=signup_urls.create,
        query=signup_urls.CreateSignupUrlQuery,
        summary="Creates the URL of a page of this server on which an admin signs up an enterprise.",
        response=signup_urls.SignupUrl,
    ),
)

_NO_PLAY = "it has no managed Google Play."
_NO_MIGRATION = "devices of another device policy controller enrol again, with an enrolment token."

_NOT_OFFERED = (
    not_offered(
        id="androidmanagement.enterprises.migrationTokens.create",
        http="POST",
        path=f"{_ENTERPRISE}/migrationTokens",
        why=_NO_MIGRATION,
        request=MESSAGES["MigrationToken"],
        response=MESSAGES["MigrationToken"],
        path_parameter="parent",
    ),
    not_offered(
        id="androidmanagement.enterprises.migrationTokens.get",
        http="GET",
        path=f"{_ENTERPRISE}/migrationTokens/*",
        why=_NO_MIGRATION,
        response=MESSAGES["MigrationToken"],
    ),
    not_offered(
        id="androidmanagement.enterprises.migrationTokens.list",
        http="GET",
        path=f"{_ENTERPRISE}/migrationTokens",
        why=_NO_MIGRATION,
        query=PageQuery,
        response=MESSAGES["ListMigrationTokensResponse"],
        path_parameter="parent",
    ),
    not_offered(
        id="androidmanagement.enterprises.webTokens.create",
        http="POST",
        path=f"{_ENTERPRISE}/webTokens",
        why=_NO_PLAY,
        request=MESSAGES["WebToken"],
        response=MESSAGES["WebToken"],
        path_parameter="parent",
    ),
)

AMAPI_METHODS = (*_SERVED, *_NOT_OFFERED)
"""What stands below `/v1/`."""
