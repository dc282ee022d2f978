import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a4s_pipeline.files.texts import as_code, has_utf8, json_to_show, on_a_line, one_line

OBEYED = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u202e", "\u2066", "\ud800"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bakkerij 't Hoekje", "Bakkerij 't Hoekje"),
        ("Zoë \U0001f469\u200d\U0001f52c", "Zoë \U0001f469\u200d\U0001f52c"),
        ("\x1b[2J", r"\x1b[2J"),
        ("two\nlines\tand a tab", r"two\nlines\tand a tab"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(text: str, shown: str) -> None:
    assert on_a_line(text) == shown


@given(st.text(st.characters() | st.sampled_from(OBEYED)))
def test_json_that_is_shown_means_the_same_and_holds_nothing_that_is_obeyed(text: str) -> None:
    shown = json_to_show(json.dumps({text: [text]}, ensure_ascii=False))
    assert not set(OBEYED) & set(shown)
    if has_utf8(text):
        assert json.loads(shown) == {text: [text]}


@given(st.text(st.characters()))
def test_a_text_has_utf8_where_it_can_be_encoded(text: str) -> None:
    assert has_utf8(text) == (text.encode("utf-8", "ignore").decode() == text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("as it is", "as it is"),
        ("", ""),
        ("two\nlines\r\nand\ttabs", "two lines and tabs"),
        ("\x1b[2Jcleared\x00", "[2Jcleared"),
        ("right \u202e to left\u2028", "right to left"),
        ("exactly 20 letters!!", "exactly 20 letters!!"),
        ("one more than 20 lett", "one more than 20 le…"),
        ("cut after a spac and more", "cut after a spac an…"),
        ("half a pair \ud800", "half a pair"),
    ],
)
def test_a_text_becomes_one_line_that_can_be_printed(text: str, line: str) -> None:
    assert one_line(text, 20) == line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A1", "`A1`"),
        ("**A** <b>1</b>\n[x](y)", "`**A** <b>1</b> [x](y)`"),
        ("a ` b `` c", "`a ' b '' c`"),
        ("\x00", "`?`"),
    ],
)
def test_a_text_in_backticks_cannot_leave_them(text: str, shown: str) -> None:
    assert as_code(text, 40) == shown
