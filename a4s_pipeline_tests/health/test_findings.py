from a4s_pipeline.health.finding import noted, of_connectors, sentence
from a4s_pipeline.warehouse.health import Broken


def test_a_finding_is_one_sentence_with_its_records_and_what_to_do() -> None:
    for broken, told in [
        ([], "nothing to report"),
        ([Broken("demo", "", 1, ("A1",))], "orders lost: 1 (demo: `A1`); look for them"),
        (
            [Broken("demo", "", 7, ("A1", "A2", "A3", "A4", "A5")), Broken("noord", "failed", 1, ("B1",))],
            "orders lost: 8 (demo: `A1`, `A2`, `A3`, `A4`, `A5` and 2 more; noord failed: `B1`); "
            "look for them",
        ),
        (
            [Broken("demo", "", 1, ("A\n1 \x1b[2J **bold** `<b>`",))],
            "orders lost: 1 (demo: `A 1 [2J **bold** '<b>'`); look for them",
        ),
        (
            [Broken("demo", "", 1, ("x" * 500,))],
            f"orders lost: 1 (demo: `{'x' * 59}…`); look for them",
        ),
    ]:
        assert sentence(broken, "orders lost", "look for them") == told, broken


def test_a_finding_at_very_many_connectors_names_the_first_of_them() -> None:
    many = [Broken(f"c{number:02}", "", 1, ("A1",)) for number in range(12)]
    told = sentence(many, "orders lost", "look for them")
    assert told.startswith("orders lost: 12 (c00: `A1`; ")
    assert told.endswith("c09: `A1`; and 2 more); look for them")


def test_what_belongs_to_a_connector_that_is_gone_from_the_settings_is_left_out() -> None:
    here, gone = Broken("demo", "", 1, ("A1",)), Broken("gone", "", 1, ("B1",))
    assert of_connectors([here, gone], {"demo": "Demo B.V."}) == [here]


def test_a_note_passes_and_still_says_what_it_is_about_at_each_connector() -> None:
    found = [Broken("demo", "GBP", 2, ("A1", "A2"))]
    note = noted(found, "sales without a rate", "add one", ["demo", "noord"])
    assert (note.passed, note.count) == (True, 2)
    assert note.by_connector == {"demo": "demo GBP: `A1`, `A2`", "noord": ""}
