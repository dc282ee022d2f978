"""What a path in a setting may be; each raises `ValueError` that says what is wrong with it."""

from __future__ import annotations

import ssl
from pathlib import Path


def authority_file(path: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        raise ValueError(f"{path} is no PEM file of certificates") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None
    return path.absolute()
