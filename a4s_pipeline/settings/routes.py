"""The path of each call: one template per route, filled with percent-encoded parts."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from urllib.parse import quote

from a4s_pipeline.errors import ChangeRequest


@dataclass(frozen=True)
class Routes:
    """The gateway's routes by name; a site with another gateway dialect replaces some of them.

    `{a}` stands for the AdministrationName and `{code}` for the code of a record, both encoded.
    """

    status: str = "/{a}/status"
    items: str = "/{a}/items"
    stock: str = "/{a}/items/{code}/stock"
    image: str = "/{a}/images/{code}"
    customers: str = "/{a}/customers"
    orders: str = "/{a}/orders"
    order_lines: str = "/{a}/orders/{code}/lines"
    third_party_orders: str = "/{a}/third-party/orders"
    third_party_order: str = "/{a}/third-party/orders/{code}"

    def __post_init__(self) -> None:
        for name, template in vars(self).items():
            wanted = vars(type(self))[name]
            if not template.startswith("/") or _parts(template) != _parts(wanted):
                raise ValueError(f"route {name!r} must start with / and hold the same parts as {wanted}")

    def path(self, name: str, administration: str, code: str | None = None) -> str:
        """Return the path of a call with each part encoded exactly.

        Raises `ChangeRequest` for a part that would lead to another path.
        """
        template: str = getattr(self, name)
        given = {"a": administration} if code is None else {"a": administration, "code": code}
        if given.keys() != _parts(template):
            raise ValueError(f"route {name!r} must have the parts {sorted(_parts(template))}")
        for part in given.values():
            if not is_addressable(part):
                raise ChangeRequest(f"{part!r} cannot be put in a path: it cannot be asked for by that name")
        return template.format(**{part: encoded(text) for part, text in given.items()})


def _parts(template: str) -> set[str]:
    return {part for _, part, _, _ in Formatter().parse(template) if part is not None}


def encoded(part: str) -> str:
    """Percent-encode one part of a path exactly: `/`, capitals, spaces and accents survive."""
    return quote(part, safe="")


def is_addressable(code: str) -> bool:
    """Tell whether a code can be part of a path.

    `.` and `..` cannot: clients and proxies resolve them to another path. Nor can an empty code, or half a
    surrogate pair, which UTF-8 cannot encode.
    """
    if code in ("", ".", ".."):
        return False
    try:
        code.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
