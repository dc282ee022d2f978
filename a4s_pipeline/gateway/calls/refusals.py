"""Finds the gateway's reason for a refusal in any shape of body, and bounds it to one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from a4s_pipeline.errors import ChangeRequest, FieldFault
from a4s_pipeline.files import exact_json
from a4s_pipeline.files.texts import one_line

Mask = Callable[[str], str]
"""Removes secrets from a text."""

LONGEST_REASON = 200
_LONGEST_TOLD = 600
_LONGEST_VALUE = 60
_LONGEST_FIELD = 200
_LONGEST_MESSAGE = 300
_MOST_FAULTS = 50
# A text may be megabytes long; only this much is read.
_LOOKED_AT = 4000

# The most telling first. `error` may be a text, or an object as in OData.
_TEXTS = ("detail", "message", "error_description", "errormessage", "error", "description", "reason")
_LISTS = ("errors", "modelstate", "validationerrors", "fielderrors", "violations", "details", "detail")
_FIELDS = ("field", "path", "propertyname", "property", "pointer", "key", "loc", "source", "name")
_MESSAGES = ("message", "detail", "errormessage", "msg", "description", "error", "reason", "title", "value")
_PATH = re.compile(r"[\w$#/.\[\]'\"-]+")
_CAPITALS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]")


def reason_in(body: bytes, mask: Mask) -> str | None:
    """Return the gateway's reason from the body of an answer, or None.

    A page of HTML comes from a proxy and is no reason.
    """
    try:
        document = exact_json.loads(body)
    except ValueError:
        text = body[:_LOOKED_AT].decode("utf-8", "replace").strip()
        return None if text.startswith(("<", "{", "[")) else _shown(text, LONGEST_REASON, mask)
    if isinstance(document, str):
        return _shown(document, LONGEST_REASON, mask)
    faults = list(_faults(document))
    told = [_text_of(document)] if isinstance(document, dict) else []
    told += [message for field, message in faults if not field]
    found = "; ".join(dict.fromkeys(text for text in told if text))
    found = found or "; ".join(f"{field}: {message}" for field, message in faults)
    if not found and isinstance(document, dict):
        found = _in_words(_lowered(document).get("title")) or ""
    return _shown(found, LONGEST_REASON, mask)


def field_faults(body: bytes, mask: Mask) -> tuple[FieldFault, ...]:
    """Return the faults that name a field, each by a path such as `lines.0.quantity`."""
    try:
        found = _faults(exact_json.loads(body))
    except ValueError:
        return ()
    return tuple(
        FieldFault(
            _shown(field, _LONGEST_FIELD, mask) or "", _shown(message, _LONGEST_MESSAGE, mask) or "not valid"
        )
        for field, message in found
        if field
    )


def with_own_values(error: ChangeRequest, sent: Any) -> ChangeRequest:
    """Return a refusal with the values that were sent, for each fault and for what the code is about.

    `UnknownCustomer` is about the customer code; so for every `Unknown…`.
    """
    values = {fault.field: _scalar_at(sent, fault.field) for fault in error.fields}
    fields = tuple(
        FieldFault(fault.field, _naming(fault.message, values[fault.field])) for fault in error.fields
    )
    about = error.code.removeprefix("Unknown")
    name = f"{about[:1].lower()}{about[1:]}Code" if about != error.code else ""
    found = [values[field] for field in values if field.rpartition(".")[2] == name]
    found = found or ([_scalar_at(sent, name)] if name else [])
    wanted = [value for value in found if value is not None and value not in str(error)]
    told = f" ({name} {', '.join(map(repr, wanted))})" if wanted else ""
    return type(error)(one_line(f"{error}{told}", _LONGEST_TOLD), code=error.code, fields=fields)


def _naming(message: str, value: str | None) -> str:
    return message if value is None or value in message else f"{message} ({value!r})"


def _scalar_at(sent: Any, path: str) -> str | None:
    """Return the text or number at a path of the sent body as a short text, or None."""
    value = sent
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part[:6]) < len(value):
            value = value[int(part[:6])]
        else:
            return None
    is_scalar = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    return one_line(str(value), _LONGEST_VALUE) or None if is_scalar else None


def as_path(field: str) -> str:
    """Return a field's path in our spelling: `$.Lines[0].ItemCode` and `/lines/0/itemCode` are the same."""
    text = field.strip()
    if not _PATH.fullmatch(text):
        return text
    text = re.sub(r"\[['\"]?([^\]'\"]*)['\"]?\]", r".\1", text.lstrip("$#"))
    if text.startswith("/"):
        text = text.replace("/", ".")
    return ".".join(_camel(part) for part in text.split(".") if part)


def _camel(part: str) -> str:
    return _CAPITALS.sub(lambda found: found[0].lower(), part, count=1) if part[:1].isupper() else part


def _faults(document: Any) -> Iterator[tuple[str, str]]:
    """Yield each fault as the path of its field (empty if it names none) and its message."""
    if isinstance(document, list):
        yield from _faults_of_list(document)
    if not isinstance(document, dict):
        return
    members = _lowered(document)
    yield from _faults(members["error"] if isinstance(members.get("error"), dict) else None)
    for name in _LISTS:
        listed = members.get(name)
        if isinstance(listed, list):
            yield from _faults_of_list(listed)
        elif isinstance(listed, dict):
            yield from _faults_of_object(listed)


def _faults_of_list(listed: list[Any]) -> Iterator[tuple[str, str]]:
    for fault in listed[:_MOST_FAULTS]:
        members = _lowered(fault) if isinstance(fault, dict) else {}
        field = next((path for name in _FIELDS if (path := _path_in(members.get(name)))), "")
        message = _in_words(fault)
        if message or field:
            yield field, message or "not valid"


def _faults_of_object(listed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field, messages in list(listed.items())[:_MOST_FAULTS]:
        for message in messages[:_MOST_FAULTS] if isinstance(messages, list) else [messages]:
            yield as_path(field), _in_words(message) or "not valid"


def _path_in(value: Any) -> str:
    if isinstance(value, dict):
        return _path_in(value.get("pointer"))
    if isinstance(value, list):
        parts = [str(part) for part in value if isinstance(part, str | int)]
        return ".".join(parts[1:] if parts[:1] == ["body"] else parts)
    return as_path(value[:_LOOKED_AT]) if isinstance(value, str) else ""


def _text_of(document: Mapping[str, Any]) -> str | None:
    members = _lowered(document)
    return next((text for name in _TEXTS if (text := _in_words(members.get(name)))), None)


def _in_words(value: Any) -> str | None:
    """Return the first text in a value, at any depth, or None."""
    for _ in range(4):
        if not isinstance(value, dict):
            break
        members = _lowered(value)
        value = next((members[name] for name in _MESSAGES if members.get(name)), None)
    return value.strip()[:_LOOKED_AT] or None if isinstance(value, str) else None


def _lowered(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in document.items()}


def _shown(text: str, longest: int, mask: Mask) -> str | None:
    # Masked before it is cut: even half a token must not be shown.
    return one_line(mask(text[:_LOOKED_AT]), longest) or None
