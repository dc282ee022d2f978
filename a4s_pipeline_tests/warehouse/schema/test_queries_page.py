import re
from pathlib import Path

from a4s_pipeline.warehouse.file.reader import published
from a4s_pipeline_tests.support.project import ROOT

_PAGE = ROOT / "docs" / "queries.md"
_QUERIES = dict(
    re.findall(r"^## (\d+\. .*?)\n.*?^```sql\n(.*?)^```", _PAGE.read_text(encoding="utf-8"), re.M | re.S)
)


def test_there_are_ten_queries() -> None:
    assert [title.partition(".")[0] for title in _QUERIES] == [str(number) for number in range(1, 11)]


def test_each_query_of_the_page_finds_something_in_the_sandbox(demo_copy: Path) -> None:
    with published(demo_copy) as connection:
        for title, query in _QUERIES.items():
            assert connection.execute(query).fetchall(), title
