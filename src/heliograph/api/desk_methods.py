"""The methods of the operator's desk: one row each, beside the API's own (own_methods.py)."""

from heliograph.api.resources.people import PEOPLE_METHODS
from heliograph.api.resources.roles import ROLE_METHODS
from heliograph.api.resources.service_keys import KEY_METHODS

DESK_METHODS = (*KEY_METHODS, *ROLE_METHODS, *PEOPLE_METHODS)
"""What `heliograph keys`, `roles`, `can` and `people` call, and pages of the console."""
