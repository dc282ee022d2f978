"""What is wrong with a record, in words."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_core import ErrorDetails

_MOST_TOLD = 10


def faults_in_words(faults: Sequence[ErrorDetails]) -> str:
    """Name each fault by its path and message, without repeating the value."""
    return "; ".join(
        f"{path_in_words(fault['loc'])}: {message_of(fault['msg'])}" for fault in faults[:_MOST_TOLD]
    )


def path_of(location: tuple[int | str, ...]) -> str:
    """Return a field's path for programs, counted from 0, such as `lines.0.quantity`."""
    return ".".join(str(part) for part in location) or "record"


def path_in_words(location: tuple[int | str, ...]) -> str:
    """Return a field's path for people, counted from 1, such as `addresses.1.type`."""
    return path_of(tuple(step + 1 if isinstance(step, int) else step for step in location))


def message_of(text: str) -> str:
    """Return what is wrong with a field, as part of a sentence."""
    message = text.removeprefix("Value error, ")
    if message.startswith("Input should be a valid dictionary"):
        return "is not a JSON object"
    return message[0].lower() + message[1:]
