"""What each route answers: from a method, a path and a world to a reply, without sockets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from a4s_sandbox.answers import intake
from a4s_sandbox.answers.encoding import encode
from a4s_sandbox.answers.otherwise import written_otherwise
from a4s_sandbox.answers.pages import page_of
from a4s_sandbox.answers.replies import Reply, problem
from a4s_sandbox.data.instants import microseconds
from a4s_sandbox.data.records import Records
from a4s_sandbox.faults import Faults
from a4s_sandbox.world import Administration, World

UNKNOWN = "unknown"
_DEFAULT_PAGE_SIZE = 300
_LARGEST_PAGE_SIZE = 1000

# {} stands for one code, percent-encoded.
_PATTERNS: dict[tuple[str, ...], dict[str, str]] = {
    ("status",): {"GET": "status"},
    ("items",): {"GET": "items"},
    ("items", "{}", "stock"): {"GET": "stock"},
    ("images", "{}"): {"GET": "image"},
    ("customers",): {"GET": "customers", "POST": "create_customer"},
    ("orders",): {"GET": "orders"},
    ("orders", "{}", "lines"): {"GET": "order_lines"},
    ("third-party", "orders"): {"POST": "export_order"},
    ("third-party", "orders", "{}"): {"GET": "exported_order"},
}
LISTINGS = frozenset({"items", "customers", "orders"})
FORBIDDEN_ROUTES = frozenset({"order_lines", "stock", "image"})


@dataclass(slots=True)
class Match:
    """Where a request leads; `refusal` is the answer if it leads nowhere."""

    route_name: str
    administration: str = ""
    code: str = ""
    refusal: Reply | None = None


def resolve(method: str, path: str) -> Match:
    """Return the route of a raw path, with each segment decoded exactly after splitting on "/"."""
    try:
        segments = [unquote(segment, errors="strict") for segment in path.split("/")[1:]]
    except UnicodeDecodeError:
        return Match(UNKNOWN, refusal=problem(400, "BadRequest", "The path is not UTF-8."))
    if "." in segments or ".." in segments:
        segments = _folded(segments)
    administration, rest = (segments[0], segments[1:]) if segments else ("", [])
    for pattern in (tuple(rest), (*rest[:-1], "{}"), (*rest[:1], "{}", *rest[2:])):
        methods = _PATTERNS.get(pattern)
        if methods is None:
            continue
        code = rest[pattern.index("{}")] if "{}" in pattern else ""
        if method in methods:
            return Match(methods[method], administration, code)
        refusal = problem(405, "MethodNotAllowed", f"This route does not know {method}.")
        refusal.headers = (("Allow", ", ".join(sorted(methods))),)
        return Match(UNKNOWN, administration, code, refusal)
    return Match(UNKNOWN, administration, "", problem(404, "UnknownRoute", "There is no such route."))


def answer(
    world: World, faults: Faults, match: Match, *, query: Mapping[str, str], body: bytes, started: datetime
) -> Reply:
    """Return what a sound gateway answers, with those faults that are in its data."""
    if match.refusal is not None:
        return match.refusal
    administration = world.administrations.get(match.administration)
    if administration is None:
        return problem(404, "UnknownAdministration", f"There is no administration {match.administration!r}.")
    if administration.forbidden:
        return problem(403, "Forbidden", f"No access to administration {match.administration!r}.")
    if match.route_name in LISTINGS:
        return _listing(administration, faults, match.route_name, query)
    return _single(administration, faults, match, body, started)


def _single(
    administration: Administration, faults: Faults, match: Match, body: bytes, started: datetime
) -> Reply:
    code = match.code
    if code in faults.forbidden and match.route_name in FORBIDDEN_ROUTES:
        return problem(403, "Forbidden", f"No access to {code!r}.")
    if code in faults.refused and match.route_name in FORBIDDEN_ROUTES:
        status, name = faults.refused[code]
        return problem(status, name, f"Refused is {code!r}.")
    match match.route_name:
        case "order_lines":
            reply = _lines(administration, faults, code)
        case "stock":
            found = administration.stock_of(code)
            reply = Reply(200, found) if found else problem(404, "UnknownItem", f"There is no item {code!r}.")
        case "image":
            reply = _image(administration.image(code), code)
        case "export_order":
            reply = intake.export_order(administration, body, faults.dedupe)
        case "exported_order":
            reply = intake.exported_order(administration, code)
        case "create_customer":
            reply = intake.create_customer(administration, body)
        case _:
            reply = _status(administration, started, faults)
    return reply


def _image(picture: bytes | None, digest: str) -> Reply:
    if picture is None:
        return problem(404, "UnknownImage", f"There is no image {digest!r}.")
    kind = "image/png" if picture.startswith(b"\x89PNG") else "application/octet-stream"
    return Reply(200, picture, kind)


def _status(administration: Administration, started: datetime, faults: Faults) -> Reply:
    last = administration.history_synced_at(started)
    never = "never" if faults.empty_otherwise else administration.last_history_sync_told
    focus_connector = {
        "configured": administration.focus_connector is not None,
        "name": administration.focus_connector,
    }
    body = {
        "administration": administration.name,
        "focusConnector": focus_connector,
        "lastHistorySync": last.isoformat() if last else never,
    }
    return Reply(200, encode(body))


def _lines(administration: Administration, faults: Faults, code: str) -> Reply:
    if administration.focus_connector is None:
        return _no_history(administration)
    if code in faults.lines_500:
        return problem(500, "InternalServerError", "The lines could not be read.")
    lines = None if code in faults.lines_404 else administration.lines_of(code)
    if lines is None:
        return problem(404, "UnknownOrder", f"There is no order {code!r}.")
    return Reply(200, written_otherwise("order_lines", lines, faults))


def _no_history(administration: Administration) -> Reply:
    detail = f"Administration {administration.name!r} has no focus connector, so it has no order history."
    return problem(409, "FocusConnectorNotConfigured", detail)


def _listing(administration: Administration, faults: Faults, name: str, query: Mapping[str, str]) -> Reply:
    if name == "orders" and administration.focus_connector is None:
        return _no_history(administration)
    page = _whole_number(query.get("page"), 0)
    size = _whole_number(query.get("pageSize"), _DEFAULT_PAGE_SIZE)
    if page is None:
        return problem(400, "BadRequest", "page must be a whole number from 0.")
    if size is None or not 1 <= size <= _LARGEST_PAGE_SIZE:
        return problem(400, "BadRequest", f"pageSize must be a whole number from 1 to {_LARGEST_PAGE_SIZE}.")
    bounds: list[int | None] = [None, None]
    if name == "orders":
        for index, parameter in enumerate(("orderDateFrom", "orderDateTo")):
            text = query.get(parameter)
            bounds[index] = microseconds(text)
            if text is not None and bounds[index] is None:
                return problem(400, "BadRequest", f"{parameter} is not an ISO 8601 date-time: {text!r}.")
        if faults.ignore_order_date_from:
            bounds[0] = None
        if faults.ignore_order_date_to:
            bounds[1] = None
    records: Records = getattr(administration, name)
    with administration.lock:
        reply = page_of(name, records, records.between(*bounds), page, size, faults)
    if faults.on_page is not None:
        faults.on_page(name, administration.name, page)
    return reply


def _whole_number(text: str | None, default: int) -> int | None:
    if text is None:
        return default
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _folded(segments: list[str]) -> list[str]:
    """Resolve "." and "..", as clients and proxies do, so that such a code leads to another path."""
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    return kept
