"""Notifications in the console: endpoints made and tried out, what waits and why, dead letters sent again and discarded."""

import re

from tests.console.reader import Page, Reader
from tests.http_server import Receiver
from tests.sandbox.client import Client

ENTERPRISE = "/console/enterprises/sandbox"
API = "/heliograph/v1/enterprises/sandbox"
NOWHERE = "http://127.0.0.1:9/"
