import tomllib

from a4s_pipeline_tests.mutants.survivors import KNOWN, allowed, excess, survivors

RESULTS = """
    a4s_pipeline.sync.windows.x_month_after__mutmut_3: survived
    a4s_pipeline.sync.windows.x_month_after__mutmut_4: timeout
    a4s_pipeline.sync.windows.x_month_after__mutmut_5: survived
    a4s_pipeline.gateway.listing.listing.xǁListingǁadd__mutmut_1: no tests
"""


def test_a_function_with_more_survivors_than_are_known_is_named() -> None:
    found = survivors(RESULTS.splitlines())
    month_after = "a4s_pipeline.sync.windows.x_month_after"
    add = "a4s_pipeline.gateway.listing.listing.x.Listing.add"
    assert found == {month_after: 2, add: 1}
    assert excess(found, {month_after: 2, add: 1}) == []
    assert excess(found, {month_after: 1}) == [
        f"{add}: 1 mutants survived, 0 are known",
        f"{month_after}: 2 mutants survived, 1 are known",
    ]


def test_each_survivor_that_is_known_has_a_reason() -> None:
    known = tomllib.loads(KNOWN.read_text())
    assert all(entry["most"] > 0 and entry["why"] for entry in known.values())
    assert allowed().keys() == known.keys()
