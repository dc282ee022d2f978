"""Every expected failure, in one tree by what to do about it.

    A4sError
    ├── ChangeSettings          a setting is wrong; nothing was called
    ├── ChangeSite              somebody with access to the platform must act first
    │   ├── AccessDenied            credentials are wrong or missing
    │   │   └── Forbidden               the gateway knows them, and does not allow this
    │   ├── UnknownAdministration   the gateway does not know the AdministrationName
    │   └── HistoryNotConfigured    the legacy backend has no focus connector
    ├── ChangeRequest           the sender must change the request; the same again is refused again
    │   ├── NotThere                the gateway does not know the record
    │   ├── RefuseOrder             the site's hook refused the order
    │   └── NotSupported            the gateway has no such thing to offer
    └── TryAgain                may pass by itself; nothing is lost by trying again
        ├── GatewayUnavailable      no answer, or an answer that says "later"
        │   └── NotAskedInTime          not even asked: its answer would have come too late
        ├── Overloaded              more waits here than can be answered in time
        ├── ReplyUnreadable         an answer that is cut off, no JSON, or of another shape
        │   └── ReplyBeyondBounds       one too large or too deeply nested to be read at all
        │       └── ReplyTooLarge           too large: of a listing, a smaller page may be read
        ├── Inconclusive            a POST was answered, and the answer does not tell whether it was done
        ├── StoreHeld               another process holds the warehouse
        ├── StoreUnreachable        the database that holds the lake's catalog, or the locks, does not answer
        └── SyncUnderWay            another sync of the same stream is running

A message says what happened, to which record, and what to do next. It never contains credentials, and from
the body of a reply at most the gateway's reason, bounded and masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

IT_SAYS = ". It says: "
"""Introduces the gateway's own words at the end of a message."""


class A4sError(Exception):
    """An expected failure, with one message that a user can act on."""

    code: str = "Failed"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class ChangeSettings(A4sError):
    """A setting is missing or wrong; each line of the message names its variable."""

    code = "WrongSettings"


class ChangeSite(A4sError):
    """Somebody with access to the platform or the legacy backend must change it."""


class AccessDenied(ChangeSite):
    """The gateway refused the credentials (401 or 403)."""

    code = "AccessDenied"


class Forbidden(AccessDenied):
    """The gateway accepts the credentials but does not allow this (403): at all, or for one record."""


class UnknownAdministration(ChangeSite):
    """The gateway does not know the AdministrationName."""

    code = "UnknownAdministration"


class HistoryNotConfigured(ChangeSite):
    """Order history does not exist: the legacy backend has no focus connector."""

    code = "FocusConnectorNotConfigured"


@dataclass(frozen=True)
class FieldFault:
    """One fault of a request: the path of the field, and what is wrong with it."""

    field: str
    message: str


class ChangeRequest(A4sError):
    """The request is refused until its sender changes it; `fields` names each fault by its field."""

    code = "Refused"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        fields: tuple[FieldFault, ...] = (),
    ) -> None:
        super().__init__(message, code=code)
        self.fields = fields


class NotThere(ChangeRequest):
    """The gateway does not know the record (404)."""

    code = "NotThere"


class RefuseOrder(ChangeRequest):
    """Raised by an order hook to refuse an order, with the reason for its sender."""

    code = "RefusedByHook"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class NotSupported(ChangeRequest):
    """The gateway does not offer this."""

    code = "NotSupported"


class TryAgain(A4sError):
    """The failure may pass by itself; trying again later loses nothing.

    `wait_seconds` says after how long, if known.
    """

    def __init__(self, message: str, *, code: str | None = None, wait_seconds: float | None = None) -> None:
        super().__init__(message, code=code)
        self.wait_seconds = wait_seconds


class GatewayUnavailable(TryAgain):
    """The gateway gave no answer, or one that says "later" (429, 5xx).

    `wait_seconds` is the pause it asked for, if any; `is_untaken` means that the gateway certainly did
    nothing with the request: it was never sent, or rejected unread.
    """

    code = "GatewayUnavailable"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        wait_seconds: float | None = None,
        is_untaken: bool = False,
    ) -> None:
        super().__init__(message, code=code, wait_seconds=wait_seconds)
        self.is_untaken = is_untaken


class NotAskedInTime(GatewayUnavailable):
    """The gateway was not asked, because its answer would have come too late."""


class Overloaded(TryAgain):
    """Too many requests are waiting to answer this one in time; nothing was asked or sent."""

    code = "Overloaded"


class ReplyUnreadable(TryAgain):
    """The gateway's answer is cut off, is not JSON, or does not follow the contract."""

    code = "ReplyUnreadable"


class ReplyBeyondBounds(ReplyUnreadable):
    """The gateway's answer is too large or too deeply nested; an immediate retry would get the same."""

    code = "ReplyBeyondBounds"


class ReplyTooLarge(ReplyBeyondBounds):
    """The gateway's answer is too large; a page is then asked for in smaller parts."""


class Inconclusive(TryAgain):
    """The answer to a POST does not tell whether it was done: its outcome is looked up.

    A 409 may mean that it exists already, is being done, or is not wanted; a redirect, a 202 and an answer
    without identifiers say as little. `known` has the identifiers that came with it.
    """

    code = "Inconclusive"

    def __init__(
        self, message: str, *, code: str | None = None, known: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.known = dict(known or {})


class StoreHeld(TryAgain):
    """Another process has the warehouse file open and did not close it in time."""

    code = "StoreHeld"


class StoreUnreachable(TryAgain):
    """The database with the lake's catalog and the locks does not answer now."""

    code = "StoreUnreachable"


class SyncUnderWay(TryAgain):
    """Another sync of the same connector's stream is running; it may finish first."""

    code = "SyncUnderWay"
