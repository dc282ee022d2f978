"""Frames of the published copy: typed, and limited to the rows requested."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest

from a4s_pipeline import frames
from a4s_pipeline.errors import A4sError, ChangeRequest
from a4s_pipeline.settings.loading import GivenSettings, Settings
from a4s_pipeline.warehouse.store import NotPublished


@pytest.fixture(scope="module")
def settings(demo_copy: Path) -> Settings:
    return GivenSettings(data_dir=demo_copy.parent)


def count(settings: Settings, sql: str) -> int:
    with duckdb.connect(str(settings.analytics_path), read_only=True) as copy:
        ((number,),) = copy.execute(sql).fetchall()
    return int(number)


def test_every_table_and_model_is_a_frame_with_its_columns(settings: Settings) -> None:
    assert {"orders", "order_lines", "sales_lines", "dim_item", "order_versions"} <= set(frames.names())
    for name in frames.names():
        frame = getattr(frames, name)(settings=settings)
        assert len(frame) == count(settings, f"SELECT count(*) FROM {name}"), name
        assert len(frame.columns), name


def test_instants_are_aware_decimals_exact_and_few_texts_categories(settings: Settings) -> None:
    orders = frames.orders(settings=settings)
    assert str(orders["order_date"].dt.tz) == "Europe/Amsterdam"
    assert orders["order_day"].equals(
        orders["order_date"].dt.tz_localize(None).dt.normalize().astype("datetime64[us]")
    )
    assert isinstance(orders["order_type"].dtype, pd.CategoricalDtype)
    total = count(settings, "SELECT sum(sub_total * 10000)::HUGEINT FROM orders")
    amounts = [amount for amount in orders["sub_total"] if amount is not None]
    assert all(isinstance(amount, Decimal) for amount in amounts)
    assert sum(amounts) * 10000 == total
    floats = frames.orders(settings=settings, decimals="float")["sub_total"]
    assert floats.dtype == "float64"
    assert floats.sum() == pytest.approx(float(total) / 10000)
    sold = frames.sales_orders(settings=settings)
    assert sold["is_sale"].dtype == "boolean"
    assert frames.order_lines(settings=settings)["line_number"].dtype == "Int64"


def test_since_is_a_local_day_or_an_instant(settings: Settings) -> None:
    expected = count(settings, "SELECT count(*) FROM orders WHERE order_day >= '2026-01-01'")
    for since in ("2026-01-01", date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Amsterdam"))):
        assert len(frames.orders(since=since, settings=settings)) == expected
    lines = count(
        settings,
        "SELECT count(*) FROM order_lines JOIN orders USING (connector, order_code) "
        "WHERE order_day >= '2026-01-01'",
    )
    assert len(frames.order_lines("noord", "2026-01-01", settings=settings)) == lines > 0
    assert len(frames.sales_lines("noord", "2026-01-01", settings=settings)) == lines
    assert len(frames.customers(since="2020-01-01", settings=settings)) == count(
        settings, "SELECT count(*) FROM customers"
    )
    assert frames.orders("nowhere", settings=settings).empty


def test_a_wrong_question_is_reported(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="no table or model 'order'"):
        _ = frames.order
    with pytest.raises(ChangeRequest, match="not a day or an instant"):
        frames.orders(since="gisteren", settings=settings)
    with pytest.raises(NotPublished):
        frames.orders(settings=GivenSettings(data_dir=tmp_path))
    assert issubclass(NotPublished, A4sError)
