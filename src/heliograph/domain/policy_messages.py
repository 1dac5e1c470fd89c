"""The Policy message, and those of the methods that change its applications.  Source: disc, the same names."""

from heliograph.domain.official_messages import MESSAGES

Policy = MESSAGES["Policy"]
ApplicationPolicy = MESSAGES["ApplicationPolicy"]
ListPoliciesResponse = MESSAGES["ListPoliciesResponse"]
ModifyPolicyApplicationsRequest = MESSAGES["ModifyPolicyApplicationsRequest"]
ModifyPolicyApplicationsResponse = MESSAGES["ModifyPolicyApplicationsResponse"]
RemovePolicyApplicationsRequest = MESSAGES["RemovePolicyApplicationsRequest"]
RemovePolicyApplicationsResponse = MESSAGES["RemovePolicyApplicationsResponse"]
