"""The public holidays that `dim_date` shows, from 2000 to 2050.

They are a file of the package: the library they come from takes more than a second, and no sync should wait
for it.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

_FILE = "holidays.csv"

HolidayRow = tuple[str, str, str]
"""Country, ISO day and name."""


@cache
def holiday_rows() -> tuple[HolidayRow, ...]:
    """Return the holidays that are in the package."""
    text = (files(__package__) / _FILE).read_text(encoding="utf-8")
    return tuple((country, day, name) for country, day, name in csv.reader(text.splitlines()[1:]))
