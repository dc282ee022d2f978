"""What goes wrong only on the wire: the answer is right, its bytes are damaged."""

import re
from dataclasses import replace

from a4s_sandbox.answers.replies import Reply

EARLY = b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a4s.css>; rel=preload\r\n\r\n"
"""Two interim answers."""
SURPLUS = b'\r\n{"left": "over"}'
"""What follows a body that is longer than its length."""

_A_TEXT = re.compile(rb'("(?:name|description|customerName|reference|notes|fileName)":"[^"\\]*)"')


def with_bad_byte(reply: Reply) -> Reply:
    """Return the reply with an invalid UTF-8 byte in the first text that is no code."""
    return replace(reply, body=_A_TEXT.sub(rb"\1" + b'\xe9"', reply.body, count=1))


def in_latin_1(reply: Reply) -> Reply:
    """Return the JSON reply in ISO-8859-1 with that charset declared; other characters are escaped."""
    if "json" not in reply.content_type:
        return reply
    text = reply.body.decode("utf-8", "surrogatepass")
    body = "".join(letter if letter < "\u0100" else _escaped(letter) for letter in text)
    kind = reply.content_type.partition(";")[0]
    return replace(reply, body=body.encode("latin-1"), content_type=f"{kind}; charset=ISO-8859-1")


def _escaped(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
