"""Google's own Python client takes a walk: `walk.py STEPS.json`, with HELIOGRAPH_URL and, optionally, HELIOGRAPH_KEY (a key file).

HELIOGRAPH_DISCOVERY=static uses the discovery document that the client ships; otherwise the server's own is used.
"""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import httplib2
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

Json = dict[str, Any]

URL = os.environ["HELIOGRAPH_URL"]
SCOPES = ["https://www.googleapis.com/auth/androidmanagement"]
PATIENCE_S = 60


def signed_in(key: str) -> service_account.Credentials:
    """Google's credentials from the key file, acting for themselves.

    Without a subject google-auth asks iamcredentials.googleapis.com where else the account may be used (Regional Access Boundary), with
    the token that Heliograph gave, in a thread that it never joins: where the program ends meanwhile, the thread can meet OpenSSL's
    cleanup and crash it. There is no switch for it, but a credential with a subject has nothing to ask.
    """
    credentials = service_account.Credentials.from_service_account_file(key, scopes=SCOPES)  # type: ignore[no-untyped-call]
    itself: service_account.Credentials = credentials.with_subject(credentials.service_account_email)
    return itself


def client() -> Any:  # noqa: ANN401 - made at run time
    """Google's client, directed here."""
    key = os.environ.get("HELIOGRAPH_KEY")
    if key is None:
        caller: Json = {"http": httplib2.Http(timeout=PATIENCE_S)}
    else:
        caller = {"credentials": signed_in(key)}
    if os.environ.get("HELIOGRAPH_DISCOVERY") == "static":
        return build("androidmanagement", "v1", client_options={"api_endpoint": URL}, **caller)
    document = f"{URL}/$discovery/rest?version={{apiVersion}}"
    return build("androidmanagement", "v1", discoveryServiceUrl=document, static_discovery=False, **caller)


class Walker:
    """A method for each verb, each with what its step needs."""

    def __init__(self) -> None:
        self.amapi = client()
        self.devices_api = self.amapi.enterprises().devices()
        self.operations_api = self.devices_api.operations()
        self.operation = ""
        self.name_of_web_app = ""

    def steer(self, step: Json) -> Json:
        """Not Google's: the sandbox's own."""
        request = urllib.request.Request(URL + step["path"], json.dumps(step["body"]).encode(), method=step["method"])  # noqa: S310 - http
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()  # noqa: S310 - http
        return {}

    def issue(self, step: Json) -> Json:
        """The operation, which the next steps are about."""
        operation: Json = self.devices_api.issueCommand(name=step["device"], body=step["command"]).execute()
        self.operation = operation["name"]
        return operation

    def batch(self, step: Json) -> list[Json]:
        """An operation or an error for each command."""
        answers: list[Json] = []
        batch = self.amapi.new_batch_http_request(callback=lambda _id, answer, error: answers.append(answer or refusal(error)))
        for each in step["commands"]:
            batch.add(self.devices_api.issueCommand(name=each["device"], body=each["command"]))
        batch.execute()
        return answers

    def follow(self, _step: Json) -> Json:
        """The operation once it is done."""
        deadline = time.monotonic() + PATIENCE_S
        operation: Json = {}
        while not operation.get("done") and time.monotonic() < deadline:
            time.sleep(0.01)
            operation = self.operations_api.get(name=self.operation).execute()
        return operation

    def cancel(self, _step: Json) -> Json:
        """The empty answer."""
        answer: Json = self.operations_api.cancel(name=self.operation).execute()
        return answer

    def operations(self, step: Json) -> list[list[str]]:
        """Names, page by page."""
        request = self.operations_api.list(name=step["name"], filter=step["filter"], pageSize=step["pageSize"])
        return pages(self.operations_api, request, "operations")

    def devices(self, step: Json) -> list[list[str]]:
        """Names, page by page."""
        return pages(self.devices_api, self.devices_api.list(parent=step["parent"], pageSize=step["pageSize"]), "devices")

    def device(self, step: Json) -> Json:
        """The resource."""
        device: Json = self.devices_api.get(name=step["name"]).execute()
        return device

    def patch(self, step: Json) -> Json:
        """The resource as it is now."""
        device: Json = self.devices_api.patch(name=step["name"], updateMask=step["updateMask"], body=step["body"]).execute()
        return device

    def web_app(self, step: Json) -> Json:
        """The answer; the next steps are about a web app that was created."""
        named = {} if "parent" in step["arguments"] else {"name": self.name_of_web_app}
        api = self.amapi.enterprises().webApps()
        answer: Json = getattr(api, step["method"])(**named, **step["arguments"]).execute()
        if step["method"] == "create":
            self.name_of_web_app = answer["name"]
        return answer

    def application(self, step: Json) -> Json:
        """The resource."""
        application: Json = self.amapi.enterprises().applications().get(name=step["name"], languageCode="de").execute()
        return application


def refusal(error: HttpError) -> Json:
    """The error as every language shows it."""
    return {"error": {"code": error.status_code, "message": error.reason}}


def pages(api: Any, request: Any, kind: str) -> list[list[str]]:  # noqa: ANN401 - the client's classes are made at run time
    """The names on each page, walked with the client's own helper."""
    found = []
    while request is not None:
        page = request.execute()
        found.append([resource["name"] for resource in page.get(kind, [])])
        request = api.list_next(request, page)
    return found


def main() -> None:
    """Prints the outcome of each step."""
    walker = Walker()
    results = []
    for step in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        try:
            results.append(getattr(walker, step["verb"])(step))
        except HttpError as error:
            results.append(refusal(error))
    print(json.dumps(results))  # noqa: T201 - its output is its purpose


if __name__ == "__main__":
    main()
