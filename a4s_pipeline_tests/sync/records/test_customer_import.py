from typing import Any

import duckdb
import pytest

from a4s_pipeline.sync.result import SyncResult
from a4s_pipeline_tests.sync.conftest import Site
from a4s_pipeline_tests.sync.listings import CUSTOMERS

PHONE = {"type": "PhoneNumber", "value": "030 1234567"}
EMAIL = {"type": "Email", "value": "jan@bos.example"}


def created(site: Site, code: str, external_id: str | None, *, connector: str = "demo") -> None:
    """Record a customer that was created through us."""

    def write(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(
            "DELETE FROM created_customers WHERE connector = $1 AND customer_code = $2", [connector, code]
        )
        connection.execute(
            "INSERT INTO created_customers (connector, customer_code, external_id, status)"
            " VALUES ($1, $2, $3, 'ok')",
            [connector, code, external_id],
        )

    site.platform.warehouse.transact(write)


def external_ids(site: Site) -> dict[str, str | None]:
    return dict(site.query("SELECT customer_code, external_id FROM customers"))


def sync(site: Site, run_id: str) -> SyncResult:
    return CUSTOMERS.sync(site, run_id=run_id)


def test_contact_details_come_in_on_every_level(site: Site) -> None:
    CUSTOMERS.put(
        site,
        "K1",
        contactDetails=[PHONE],
        addresses=[{"type": "Visit", "city": "Ede", "contactPersons": [{"lastName": "Werf"}]}],
        contactPersons=[
            {"lastName": "Bos", "contactDetails": [EMAIL, PHONE]},
            {"lastName": "Vos", "contactDetails": []},
            {"lastName": "Mol", "contactDetails": [EMAIL]},
        ],
    )
    CUSTOMERS.sync(site)
    CUSTOMERS.assert_as_at_source(site)
    rows = site.query(
        """
        SELECT last_name, value FROM customer_contact_details
        LEFT JOIN customer_contact_persons USING (connector, customer_code, person_number)
        ORDER BY person_number, detail_number
        """
    )
    assert rows == [
        (None, PHONE["value"]),
        ("Bos", EMAIL["value"]),
        ("Bos", PHONE["value"]),
        ("Mol", EMAIL["value"]),
    ]


def test_the_children_of_a_changed_customer_are_replaced_as_a_whole(site: Site) -> None:
    persons = [{"lastName": "Bos", "contactDetails": [EMAIL]}, {"lastName": "Vos", "contactDetails": [PHONE]}]
    CUSTOMERS.put(
        site,
        "K1",
        addresses=[{"type": "Visit"}, {"type": "Invoice"}],
        contactPersons=persons,
        contactDetails=[PHONE],
    )
    CUSTOMERS.put(site, "K2", contactDetails=[EMAIL])
    CUSTOMERS.sync(site)
    CUSTOMERS.put(site, "K1", addresses=[{"type": "Delivery"}], contactPersons=persons[1:])
    CUSTOMERS.sync(site)
    CUSTOMERS.assert_as_at_source(site)


# A customer that was created through us


@pytest.mark.parametrize("listed", [{}, {"externalId": None}, {"externalId": ""}])
def test_a_customer_created_through_us_and_imported_later_is_one_customer(
    site: Site, listed: dict[str, Any]
) -> None:
    created(site, "K1", "E-1")
    CUSTOMERS.put(site, "K1", **listed)
    CUSTOMERS.put(site, "K2", **listed)
    assert CUSTOMERS.sync(site).new == 2
    assert external_ids(site) == {"K1": "E-1", "K2": listed.get("externalId")}


def test_what_the_listing_says_of_itself_comes_first(site: Site) -> None:
    created(site, "K1", "E-1")
    CUSTOMERS.put(site, "K1", externalId="ERP-7")
    CUSTOMERS.sync(site)
    assert external_ids(site) == {"K1": "ERP-7"}


def test_an_identifier_that_becomes_known_after_the_import_is_taken_over_by_the_next_one(site: Site) -> None:
    created(site, "K1", None)
    CUSTOMERS.put(site, "K1")
    CUSTOMERS.put(site, "K2")
    sync(site, "r1")
    assert external_ids(site) == {"K1": None, "K2": None}
    created(site, "K1", "E-1")
    assert sync(site, "r2").unchanged == 2
    assert external_ids(site)["K1"] == "E-1"
    assert site.query("SELECT customer_code FROM customers WHERE run_id = 'r2'") == [("K1",)]
    sync(site, "r3")
    assert site.query("SELECT customer_code FROM customers WHERE run_id = 'r3'") == []


def test_a_customer_that_changes_keeps_the_identifier_it_was_created_with(site: Site) -> None:
    created(site, "K1", "E-1")
    CUSTOMERS.put(site, "K1")
    CUSTOMERS.sync(site)
    CUSTOMERS.put(site, "K1", isBlocked=True)
    assert CUSTOMERS.sync(site).changed == 1
    assert external_ids(site) == {"K1": "E-1"}


def test_a_customer_of_another_connector_lends_no_identifier(site: Site) -> None:
    created(site, "K1", "E-1", connector="noord")
    CUSTOMERS.put(site, "K1")
    CUSTOMERS.sync(site)
    assert external_ids(site) == {"K1": None}


BAD_CUSTOMERS: dict[str, tuple[str, dict[str, Any]]] = {
    "NULL": ("name: ", {"name": None}),
    "LIST": ("name: ", {"name": []}),
}


def test_a_customer_that_cannot_be_read_is_set_aside_with_its_reason_and_the_rest_comes_in(
    site: Site,
) -> None:
    CUSTOMERS.put(site, "GOOD")
    for code, (_, fields) in BAD_CUSTOMERS.items():
        CUSTOMERS.put(site, code, **fields)
    result = CUSTOMERS.sync(site)
    assert (result.new, result.set_aside, result.unchanged) == (1, len(BAD_CUSTOMERS), 0)
    found = site.set_aside()
    assert found.keys() == BAD_CUSTOMERS.keys()
    for code, (reason, _) in BAD_CUSTOMERS.items():
        assert found[code].startswith(reason), code
    for code in BAD_CUSTOMERS:
        CUSTOMERS.put(site, code)
    assert CUSTOMERS.sync(site).new == len(BAD_CUSTOMERS)
    assert site.set_aside() == {}


def test_records_that_were_set_aside_stop_none_from_counting_as_gone(site: Site) -> None:
    codes = CUSTOMERS.put_many(site, 30)
    for number in range(40):
        CUSTOMERS.put_record(site.source, {"customerCode": f"B{number:03d}", "name": None})
    assert CUSTOMERS.sync(site).set_aside == 40
    for code in codes[:22]:
        CUSTOMERS.remove(site.source, code)
    result = CUSTOMERS.sync(site)
    assert (result.removed, result.removals_withheld) == (22, None)
    assert CUSTOMERS.removed(site) == codes[:22]
