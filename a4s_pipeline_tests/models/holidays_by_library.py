"""Works out the public holidays with the library holidays.

`python -m a4s_pipeline_tests.models.holidays_by_library` rewrites the file in the package.
"""

from __future__ import annotations

import csv

import holidays

from a4s_pipeline.models.holidays import HolidayRow
from a4s_pipeline_tests.support.project import ROOT

COUNTRIES = ("NL", "BE")
YEARS = range(2000, 2051)
FILE = ROOT / "a4s_pipeline" / "models" / "holidays.csv"


def holidays_by_library() -> list[HolidayRow]:
    """Work the holidays out."""
    return [
        (country, day.isoformat(), name)
        for country in COUNTRIES
        for day, name in sorted(holidays.country_holidays(country, years=YEARS, language="en_US").items())
        if day.year in YEARS
    ]


def main() -> None:
    """Rewrite the file."""
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("country", "day", "name"))
        writer.writerows(holidays_by_library())


if __name__ == "__main__":
    main()
