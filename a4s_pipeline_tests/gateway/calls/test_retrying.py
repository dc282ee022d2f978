from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from a4s_pipeline.errors import (
    A4sError,
    AccessDenied,
    ChangeRequest,
    ChangeSettings,
    ChangeSite,
    GatewayUnavailable,
    HistoryNotConfigured,
    NotThere,
    ReplyBeyondBounds,
    ReplyUnreadable,
    UnknownAdministration,
)
from a4s_pipeline.gateway.calls.retrying import RetryRule, http_date, told_wait

NOW = datetime(2024, 3, 31, 12, 0, 0, tzinfo=UTC)
RULE = RetryRule()
LATER = GatewayUnavailable("later")
LONGEST_OF_ITS_OWN = RULE.first_wait * 2 ** (RULE.tries - 2)
chances = st.floats(0, 1)


def told(seconds: float) -> GatewayUnavailable:
    return GatewayUnavailable("later", wait_seconds=seconds)


@pytest.mark.parametrize(
    "failure",
    [
        AccessDenied,
        ChangeRequest,
        ChangeSettings,
        ChangeSite,
        HistoryNotConfigured,
        NotThere,
        UnknownAdministration,
    ],
)
def test_what_does_not_pass_by_itself_is_not_tried_again(failure: type[A4sError]) -> None:
    assert RULE.wait_before_next(failure("no"), 1, 0.5) is None


@pytest.mark.parametrize(
    ("tried", "shortest", "longest"),
    [(1, 0.1, 0.2), (2, 0.2, 0.4), (3, 0.4, 0.8), (4, 0.8, 1.6)],
)
@pytest.mark.parametrize("failure", [LATER, ReplyUnreadable("cut off")])
def test_each_wait_is_twice_the_one_before_less_a_spread(
    failure: A4sError, tried: int, shortest: float, longest: float
) -> None:
    assert RULE.wait_before_next(failure, tried, 0) == pytest.approx(shortest)
    assert RULE.wait_before_next(failure, tried, 1) == pytest.approx(longest)


@pytest.mark.parametrize(
    ("failure", "tried", "is_over"),
    [
        (LATER, 4, False),
        (LATER, 5, True),
        (told(1), 11, False),
        (told(1), 12, True),
        (told(0), 11, False),
        (told(120), 1, False),
        (told(120.5), 1, True),
    ],
)
def test_it_is_over_after_so_many_tries_or_when_the_gateway_wants_too_long_a_pause(
    failure: A4sError, tried: int, is_over: bool
) -> None:
    assert (RULE.wait_before_next(failure, tried, 0.5) is None) is is_over


def test_a_reply_beyond_bounds_is_not_retried() -> None:
    assert RULE.wait_before_next(ReplyBeyondBounds("too much"), 1, 0.5) is None


@given(st.integers(1, 60), chances, st.integers(1, 60), st.floats(0.001, 100), st.floats(0.001, 100))
def test_no_wait_is_longer_than_the_longest(
    tried: int, chance: float, tries: int, first: float, longest: float
) -> None:
    rule = RetryRule(tries=tries, first_wait=first, longest_wait=longest)
    wait = rule.wait_before_next(LATER, tried, chance)
    assert (wait is None) is (tried >= tries)
    assert wait is None or 0 < min(first, longest) / 2 <= wait <= longest


@given(st.integers(1, 11), chances, st.floats(0, 120))
def test_a_pause_that_was_asked_for_is_kept_and_hardly_exceeded(
    tried: int, chance: float, seconds: float
) -> None:
    wait = RULE.wait_before_next(told(seconds), tried, chance)
    assert wait is not None
    assert seconds <= wait <= max(seconds + RULE.first_wait, LONGEST_OF_ITS_OWN)


@given(
    st.integers(1, 60), chances, st.sampled_from(["0", "1.5", "2.0", "-5", "Sun, 31 Mar 2024 11:59:00 GMT"])
)
def test_a_gateway_that_names_its_pause_is_never_waited_for_more_briefly_than_one_that_names_none(
    tried: int, chance: float, header: str
) -> None:
    seconds = told_wait(header, NOW)
    assert seconds is not None
    without, with_one = (RULE.wait_before_next(failure, tried, chance) for failure in (LATER, told(seconds)))
    assert without is None or (with_one is not None and without <= with_one)
    assert with_one is None or with_one <= max(seconds + RULE.first_wait, LONGEST_OF_ITS_OWN)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        ("7", 7),
        (" 120 ", 120),
        ("99999999999999999999", 999999999),
        ("-5", 0),
        ("-0.5", 0),
        ("1.5", 1.5),
        ("2.0", 2),
        ("2.", 2),
        ("+3", 3),
        ("4s", 4),
        ("1e3", None),
        ("1.2.3", None),
        ("NaN", None),
        ("٣", None),
        ("soon", None),
        ("Sun, 31 Mar 2024 12:00:30 GMT", 30),
        ("Sun, 31 Mar 2024 14:00:30 +0200", 30),
        ("Sun, 31 Mar 2024 12:00:30 -0000", 30),
        ("Sunday, 31-Mar-24 12:00:30 GMT", 30),
        ("Sun, 31 Mar 2024 11:59:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 -0100", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert told_wait(header, NOW) == seconds


@given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_http_date_is_read_as_it_was_written(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    assert http_date(format_datetime(moment, usegmt=True)) == moment
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert http_date(format_datetime(elsewhere)) == moment


@given(
    st.none()
    | st.text()
    | st.from_regex(r"\A[A-Z][a-z]{2}, [0-9]{1,2} (Jan|Dec|Xyz) [0-9]{4,6} [0-9:]{1,9} ([+-][0-9]{4}|GMT)\Z")
)
@example("Mon, 01 Jan 0001 00:00:00 +0100")
@example("Fri, 31 Dec 9999 23:59:59 -0100")
def test_no_header_of_a_gateway_breaks_the_reading_of_dates(text: str | None) -> None:
    read = http_date(text)
    assert read is None or read.utcoffset() == timedelta(0)
    wait = told_wait(text, NOW)
    assert wait is None or wait >= 0


def test_a_gateway_that_names_no_pause_to_speak_of_is_waited_for_as_long_as_one_that_names_none() -> None:
    """Its last waits are the longest ones used when the gateway asks for no pause."""
    waits = [RULE.wait_before_next(told(0), tried, 1) for tried in (3, 4, 5, 11)]
    assert waits == pytest.approx([0.8, LONGEST_OF_ITS_OWN, LONGEST_OF_ITS_OWN, LONGEST_OF_ITS_OWN])
