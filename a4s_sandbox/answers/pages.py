"""One page of a listing, with the faults of gateways that page badly."""

from a4s_sandbox.answers.encoding import encode
from a4s_sandbox.answers.otherwise import written_otherwise
from a4s_sandbox.answers.replies import Reply, problem
from a4s_sandbox.data.records import Records
from a4s_sandbox.faults import Faults


def page_of(
    route: str, records: Records, rows: tuple[int, int], number: int, asked: int, faults: Faults
) -> Reply:
    """Return a page of the rows of an index range, from its first to before its last."""
    low, high = rows
    size = asked if faults.page_cap is None else min(asked, faults.page_cap)
    skip = asked if faults.skips_as_asked else size
    place = number - sum(1 for empty in faults.empty_pages if empty < number)
    last_place = max(0, high - low - 1) // skip
    is_past_end = place > last_place and number not in faults.empty_pages
    if is_past_end and faults.past_end == "404":
        return problem(404, "UnknownPage", f"There is no page {number}.")
    if is_past_end and faults.past_end == "500":
        return problem(500, "InternalServerError", f"Page {number} went wrong.")
    if is_past_end and faults.past_end == "last":
        place = last_place
    first = min(low + place * skip, high)
    last = min(first + size, high)
    if number in faults.empty_pages | faults.blank_pages:
        last = first
    repeated = min(faults.repeat_rows, size) if place and first < last else 0
    bodies = [
        written_otherwise(route, body, faults)
        for place, body in enumerate(records.bodies(first - repeated, last), first - repeated)
        if not faults.left_out_every or place % faults.left_out_every
    ]
    told_size = size if faults.tells_cap else asked
    return _written(bodies, number, told_size, high - low + faults.uncounted, faults)


def _written(bodies: list[bytes], number: int, size: int, total: int, faults: Faults) -> Reply:
    items = b"[%b]" % b",".join(bodies)
    if not bodies:
        match faults.nothing:
            case "204":
                return Reply(204, b"")
            case "empty":
                return Reply(200, b"")
            case "null":
                items = b"null"
            case "absent":
                items = b""
    fields = [b'"page":%d' % number, b'"pageSize":%d' % size]
    fields += [b'"totalCount":%b' % told for told in _totals(total, len(bodies), faults)]
    fields += [b'"items":%b' % items] if items else []
    return Reply(200, b"{%b}" % b",".join(fields))


def _totals(total: int, rows: int, faults: Faults) -> list[bytes]:
    """Return what is written as the total; nothing if the page has none."""
    match faults.total:
        case "absent":
            return []
        case "null":
            return [b"null"]
        case "page":
            return [encode(rows)]
        case "text":
            return [encode(str(total))]
        case "negative":
            return [b"-1"]
        case "fraction":
            return [encode(f"{total}.5")]
        case _:
            return [encode(total)]
