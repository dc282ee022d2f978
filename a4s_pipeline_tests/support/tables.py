from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def row(*values: object) -> Iterator[None]:
    """Name the table row at which a test failed, unless the assertion's message does."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"row: {values!r}")
        raise
