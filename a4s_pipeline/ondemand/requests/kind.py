"""Describes a kind of request: its name, its fields, its handler, and the threads that may run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from enum import Enum
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from a4s_pipeline.errors import A4sError, ChangeRequest, FieldFault
from a4s_pipeline.gateway.records.faults import message_of, path_of
from a4s_pipeline.ondemand.answers import Answered, failure
from a4s_pipeline.ondemand.service import ConnectorAnswers
from a4s_pipeline.warehouse.rows.ondemand.ledger import LedgerKind


class ThreadPool(Enum):
    """Which threads answer a kind, so that slow kinds do not delay fast ones."""

    LOCAL = "reads what is stored here: milliseconds, whatever the gateway does"
    LIVE = "asks the gateway, and has a deadline"
    SENDING = "writes a ledger and sends, and may wait for both"


class Fields(BaseModel):
    """The fields of a request, in camelCase; unknown ones are refused, and none is guessed.

    Otherwise a misspelt or null filter would return everything.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", strict=True, frozen=True
    )


F = TypeVar("F", bound=Fields)


@dataclass(frozen=True)
class RequestKind(Generic[F]):
    """One kind of request; `handle` gets the connector's answers, the fields and the time of receipt."""

    name: str
    fields: type[F]
    handle: Callable[[ConnectorAnswers, F, datetime], Answered]
    pool: ThreadPool
    failure: Callable[[A4sError], Answered] = failure
    seconds: Callable[[F, float], float] | None = None
    """If it has a deadline: the seconds it may take, given its fields and A4S_ANSWER_SECONDS."""
    ledger: LedgerKind | None = None
    """The ledger of what it sends. Such a kind is always logged; of others, which are frequent and cheap,
    one in ten is, and every failure.
    """

    def read(self, body: Mapping[str, Any], timezone: ZoneInfo) -> F:
        """Read the fields of a request, or raise `ChangeRequest` that names every fault."""
        try:
            return self.fields.model_validate(body, context={"timezone": timezone})
        except ValidationError as error:
            raise ChangeRequest(
                "the request cannot be read", code="Invalid", fields=tuple(_faults(error, self))
            ) from None


def _faults(error: ValidationError, kind: RequestKind[Any]) -> list[FieldFault]:
    known = [field.alias or name for name, field in kind.fields.model_fields.items()]
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return [FieldFault(path_of(fault["loc"]), _in_words(fault, kind.name, known)) for fault in found]


def _in_words(fault: Any, kind: str, known: list[str]) -> str:
    if fault["type"] == "missing":
        return "is missing"
    if fault["type"] != "extra_forbidden":
        return message_of(fault["msg"])
    if len(fault["loc"]) > 1:
        return "is not known here"
    near = get_close_matches(str(fault["loc"][0]), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
    return f"is no field of {kind}; {hint}"
