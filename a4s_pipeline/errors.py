"""Every expected failure, as one tree by what to do about it.

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
        ├── Overloaded              more waits here than can be answered in time
        ├── ReplyUnreadable         an answer that is cut off, no JSON, or of another shape
        │   └── ReplyBeyondBounds       one too large or too deeply nested to be read at all
        │       └── ReplyTooLarge           too large: of a listing, a smaller page may be read
        ├── Inconclusive            a POST was answered, and the answer does not tell whether it was done
        ├── StoreHeld               another process holds the warehouse
        ├── StoreUnreachable        the database that holds the lake's catalog, or the locks, does not answer
        └── SyncUnderWay            another sync of the same stream is running

A message says what happened, to which record, and what to do next. None holds credentials; of the body of a
reply it holds at most the gateway's reason, bounded and masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

IT_SAYS = ". It says: "
"""What stands in a message before the gateway's own words, which come last."""


class A4sError(Exception):
    """An expected failure, told in one message that a user can act on."""

    code: str = "Failed"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class ChangeSettings(A4sError):
    """A setting is missing or wrong; each line of the message names its variable."""

    code = "WrongSettings"


class ChangeSite(A4sError):
    """The platform or the legacy backend must be changed by somebody with access to it."""


class AccessDenied(ChangeSite):
    """The gateway refused the credentials (401 or 403)."""

    code = "AccessDenied"


class Forbidden(AccessDenied):
    """The gateway takes the credentials and does not allow this (403): all of it, or one record alone."""


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
    """The request is refused and stays refused until its sender changes it.

    `fields` names each fault by its field; `known` holds the numbers of what is already there (409).
    """

    code = "Refused"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        fields: tuple[FieldFault, ...] = (),
        known: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.fields = fields
        self.known = dict(known or {})


class NotThere(ChangeRequest):
    """The gateway does not know the record (404)."""

    code = "NotThere"


class RefuseOrder(ChangeRequest):
    """Raised by an order hook to refuse an order, with the reason for its sender."""

    code = "RefusedByHook"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class NotSupported(ChangeRequest):
    """The gateway has no such thing to offer."""

    code = "NotSupported"


class TryAgain(A4sError):
    """The failure may pass by itself; trying again later loses nothing.

    `wait_seconds` is after how long, where that is known.
    """

    def __init__(self, message: str, *, code: str | None = None, wait_seconds: float | None = None) -> None:
        super().__init__(message, code=code)
        self.wait_seconds = wait_seconds


class GatewayUnavailable(TryAgain):
    """The gateway gave no answer, or one that says "later" (429, 5xx).

    `wait_seconds` is the pause it asked for, where it asked for one; `is_untaken` tells that the gateway
    certainly did nothing with the request: it was never sent, or turned away at the door.
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


class Overloaded(TryAgain):
    """More waits here than can be answered in time; nothing was asked or sent."""

    code = "Overloaded"


class ReplyUnreadable(TryAgain):
    """The gateway's answer is cut off, is not JSON, or has not the shape of the contract."""

    code = "ReplyUnreadable"


class ReplyBeyondBounds(ReplyUnreadable):
    """The gateway's answer is too large or too deeply nested; asked at once again, it would be the same."""

    code = "ReplyBeyondBounds"


class ReplyTooLarge(ReplyBeyondBounds):
    """The gateway's answer is too large; where it is a page, smaller ones are asked for."""


class Inconclusive(TryAgain):
    """A POST was answered, and the answer does not tell whether it was done: what came of it is looked up.

    A 409 may say that it is there already, that it is being done, or that it is not wanted; a redirect, a 202
    and an answer without numbers say as little. `known` holds the numbers that came with it.
    """

    code = "Inconclusive"

    def __init__(
        self, message: str, *, code: str | None = None, known: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.known = dict(known or {})


class StoreHeld(TryAgain):
    """Another process holds the warehouse file and did not let go in time."""

    code = "StoreHeld"


class StoreUnreachable(TryAgain):
    """The database that holds the catalog of the lake and the locks does not answer now."""

    code = "StoreUnreachable"


class SyncUnderWay(TryAgain):
    """Another sync of the same connector's stream is running; it is left to finish."""

    code = "SyncUnderWay"
