"""The public holidays that `dim_date` shows, from 2000 to 2050.

They are a file of the package, written by `python -m a4s_pipeline.models.holidays` with the library holidays:
that library needs more than a second, which no sync should wait for.
"""

from __future__ import annotations

import csv
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path

COUNTRIES = ("NL", "BE")
YEARS = range(2000, 2051)
_FILE = "holidays.csv"

HolidayRow = tuple[str, str, str]
"""Country, ISO day and name."""


@cache
def holiday_rows() -> tuple[HolidayRow, ...]:
    """Return the holidays that are in the package."""
    text = (files(__package__) / _FILE).read_text(encoding="utf-8")
    return tuple((country, day, name) for country, day, name in csv.reader(text.splitlines()[1:]))


def holidays_by_library() -> list[HolidayRow]:
    """Work the holidays out with the library."""
    import holidays  # noqa: PLC0415 - a tool of developers

    return [
        (country, day.isoformat(), name)
        for country in COUNTRIES
        for day, name in sorted(holidays.country_holidays(country, years=YEARS, language="en_US").items())
        if day.year in YEARS
    ]


def main(path: Path) -> None:
    """Rewrite the file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("country", "day", "name"))
        writer.writerows(holidays_by_library())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name(_FILE))
