"""Hypothesis strategies for Command bodies, read from Google's discovery document: every valid one, and one broken at a known place."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.discovery import command_types, schema

Json = dict[str, Any]

FIELDS: Json = schema("Command")["properties"]
_SAYS_TYPE = re.compile(r"(?:Optional\. )?Parameters for the (\w+) command")
PARAMS_OF = {found[1]: name for name, of in FIELDS.items() if (found := _SAYS_TYPE.match(of["description"]))}
AT_TOP = ("newPassword", "resetPasswordFlags")
"""What belongs to RESET_PASSWORD; it has no params message."""
OUTPUT_ONLY = ("createTime", "userName", "errorCode", *(name for name in FIELDS if name.endswith("Status")))
MAPS = {"localizedMessages", "results"}
SECRET = {"newPassword", "activationCode"}

texts = st.text(st.characters(codec="utf-8"), max_size=40)
hosts = st.from_regex(r"[a-z][a-z0-9]{0,10}(\.[a-z][a-z0-9]{0,10}){1,2}", fullmatch=True)
MEANING: dict[str, st.SearchStrategy[Any]] = {
    "activationCode": st.builds("LPA:1${}${}".format, hosts, st.from_regex(r"[A-Z0-9-]{0,12}", fullmatch=True)),
    "iccId": st.from_regex(r"[0-9]{19,20}", fullmatch=True),
    "deviceInfo": st.just("EID"),
    "packageNames": st.lists(st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){1,3}", fullmatch=True), min_size=1, max_size=4),
    "lostEmailAddress": st.just("desk@example.com"),
}
"""Fields whose texts have a form, or must be there, by what the reference page says in words."""
messages = st.builds(
    lambda default, localized: {"defaultMessage": default, **({"localizedMessages": localized} if localized else {})},
    texts.filter(str.strip),
    st.dictionaries(st.sampled_from(["en", "en-US", "fr", "zh-Hant-TW", "de-CH-1996"]), texts, max_size=3),
)
durations = st.one_of(
    st.integers(1, 315_576_000_000).map("{}s".format),
    st.builds("{}.{}s".format, st.integers(1, 10_000), st.from_regex(r"[0-9]{1,9}", fullmatch=True)),
)
times = st.builds("20{:02d}-0{}-1{}T1{}:00:0{}{}".format, st.integers(0, 99), *[st.integers(1, 9)] * 4, st.sampled_from(["Z", "+05:30"]))


def values(name: str, of: Json) -> st.SearchStrategy[Any]:
    """Any valid value of this field."""
    if name in MEANING:
        return MEANING[name]
    if "$ref" in of:
        return messages if of["$ref"] == "UserFacingMessage" else objects(of["$ref"])
    if "enum" in of:
        return st.sampled_from(of["enum"])
    if of["type"] == "array":
        return st.lists(values("", of["items"]), max_size=4)
    if of["type"] == "object":
        return st.dictionaries(st.from_regex(r"[a-z]{1,9}", fullmatch=True), values("", of["additionalProperties"]), max_size=3)
    scalars = {"google-duration": durations, "google-datetime": times, "int64": st.integers(-(2**63), 2**63 - 1).map(str)}
    return scalars.get(of.get("format", ""), texts)


def objects(name: str, *, required: tuple[str, ...] = ()) -> st.SearchStrategy[Json]:
    """Any object of this schema, with some of its fields or null for them."""
    fields = {field: values(field, of) for field, of in schema(name)["properties"].items()}
    optional = {field: st.none() | of for field, of in fields.items() if field not in required}
    return st.fixed_dictionaries({field: fields[field] for field in required}, optional=optional)


REQUIRED = {
    "clearAppsDataParams": ("packageNames",),
    "startLostModeParams": ("lostEmailAddress",),
    "addEsimParams": ("activationCode",),
    "removeEsimParams": ("iccId",),
    "requestDeviceInfoParams": ("deviceInfo",),
}


class Sent(NamedTuple):
    """A body, and what of it is to be read in the operation's metadata."""

    body: Json
    metadata: Json


@st.composite
def valid_commands(draw: DrawFn) -> Sent:
    """Any valid Command: camelCase or snake_case, nulls, output-only fields, with or without a type if params show it."""
    type_name = draw(st.sampled_from(sorted(command_types())))
    params = PARAMS_OF.get(type_name)
    body: Json = {"type": type_name}
    if params:
        body[params] = draw(objects(FIELDS[params]["$ref"], required=REQUIRED.get(params, ())))
        if draw(st.booleans()):
            body["type"] = draw(st.sampled_from([None, "COMMAND_TYPE_UNSPECIFIED", FIELDS["type"]["enum"].index(type_name)]))
    elif type_name == "RESET_PASSWORD":
        body |= draw(st.fixed_dictionaries({}, optional={name: values(name, FIELDS[name]) for name in AT_TOP}))
    if draw(st.booleans()):
        body["duration"] = draw(durations)
    own = canonical("Command", body)
    shown = {"type": type_name, **{name: own[name] for name in (params, *AT_TOP) if name in own}}
    ignored = draw(st.fixed_dictionaries({}, optional={name: values(name, FIELDS[name]) for name in OUTPUT_ONLY}))
    statuses = [name for name in ignored if name.endswith("Status")]
    body |= {name: value for name, value in ignored.items() if name not in statuses[1:]}  # a oneof
    return Sent(draw(respelled(body)), shown)


def canonical(name: str, value: Json) -> Json:
    """The object as the server writes it: defaults, nulls and secrets left out."""
    fields = schema(name)["properties"]
    found = {field: _canonical(fields[field], inner) for field, inner in value.items() if inner is not None and field not in SECRET}
    return {field: inner for field, inner in found.items() if inner not in ("", [], None) and (inner != {} or "$ref" in fields[field])}


def _canonical(of: Json, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if "$ref" in of:
        return canonical(of["$ref"], value)
    if "enum" in of:
        return None if value == of["enum"][0] else value
    if of["type"] == "array":
        items = [_canonical(of["items"], item) for item in value]
        return [item for item in items if item is not None]
    return value


def respelled(value: Any, *, keys: bool = True) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any JSON
    """The same object with some names in snake_case; the keys of maps are no names."""
    if isinstance(value, list):
        return st.tuples(*[respelled(item) for item in value]).map(list)
    if not isinstance(value, dict):
        return st.just(value)
    spelled = [
        st.tuples(st.sampled_from([key, snake(key)]) if keys else st.just(key), respelled(item, keys=key not in MAPS))
        for key, item in value.items()
    ]
    return st.permutations(spelled).flatmap(lambda pairs: st.tuples(*pairs)).map(dict)


def snake(name: str) -> str:
    """The proto name of a field."""
    return re.sub("[A-Z]", lambda capital: "_" + capital[0].lower(), name)


class Broken(NamedTuple):
    """A body with one mistake, and the proto path that the error must name."""

    body: Json
    path: str


Break = Callable[[Json, str, Json], tuple[Any, str]]


@st.composite
def broken_commands(draw: DrawFn) -> Broken:
    """A valid Command with one thing made wrong somewhere in its params, or at the top."""
    type_name = draw(st.sampled_from(sorted(PARAMS_OF)))
    field = PARAMS_OF[type_name]
    name = FIELDS[field]["$ref"]
    params = draw(objects(name, required=REQUIRED.get(field, ())))
    body: Json = {"type": type_name, field: params}
    where = draw(st.sampled_from(["top", "params", "field"]))
    if where == "field" and schema(name)["properties"]:
        inner = draw(st.sampled_from(sorted(schema(name)["properties"])))
        params[inner], below = draw(wrong_values(schema(name)["properties"][inner]))
        return Broken(body, f"command.{snake(field)}{below.format(f'.{snake(inner)}')}")
    if where == "top":
        body |= draw(st.sampled_from([{"bogus": 1}, {"Type": "LOCK"}, {"lockParams": {}}]))
        return Broken(body, "command")
    params |= draw(st.sampled_from([{"bogus": None}, {"": 1}, {"packagenames": []}]))
    return Broken(body, f"command.{snake(field)}")


def wrong_values(of: Json) -> st.SearchStrategy[tuple[Any, str]]:
    """What this field cannot be, and below the message the path in the error; `{}` stands for the field's."""
    if "$ref" in of:
        return st.sampled_from([("text", "{}"), (1, "{}"), (True, "{}"), ([], ""), ({"bogus": 1}, "{}")])
    if of["type"] == "array":
        return st.sampled_from([("text", "{}"), (1, "{}"), ({}, "{}"), ([None], "{}[0]"), ([[]], ""), ([{}], "{}[0]"), ([1.5], "{}[0]")])
    wrong: list[tuple[Any, str]] = [(1.5, "{}"), (True, "{}"), ({}, "{}"), ([], "")]
    return st.sampled_from([*wrong, ("lower", "{}"), (99, "{}"), ("1", "{}")] if "enum" in of else wrong)
