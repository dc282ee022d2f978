"""Sales, customers gone quiet and items running short, to be asked with filters.

`a4s notebook` opens it to be read. `a4s notebook --copy mine.py` writes a copy that is yours to change, with
`marimo edit mine.py`: each cell asks the models one question, in SQL that also runs by itself.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Sales and stock")

with app.setup:
    from calendar import monthrange
    from datetime import UTC, date, datetime

    import altair as alt
    import marimo as mo
    import pandas as pd

    from a4s_pipeline.platform import Platform
    from a4s_pipeline.report.months import year_of_sales
    from a4s_pipeline.report.shortage import items_running_short
    from a4s_pipeline.report.upkeep import connectors_in

    PLATFORM = Platform()

    # What was sold in the chosen days and in the same days a year before (`years_back`), by the one
    # definition of a sale: each question below goes on from here. Two currencies are never added up;
    # without a currency the value is that in the house currency.
    SOLD = """
        WITH spans AS (
            SELECT * FROM (VALUES (0, $first, $last), (1, $first_before, $last_before))
            AS spans (years_back, first_day, last_day)
        ), orders_sold AS (
            SELECT sales_orders.*, years_back,
                   date_trunc('month', order_day + to_years(years_back))::DATE AS month,
                   CASE WHEN $currency IS NULL THEN house_amount ELSE amount END AS value
            FROM sales_orders JOIN spans ON order_day BETWEEN first_day AND last_day
            WHERE is_sale AND connector = $connector
              AND ($currency IS NULL OR coalesce(currency, '') = $currency)
              AND ($customers IS NULL OR list_contains($customers::VARCHAR[], customer_code))
              AND ($sales_reps IS NULL OR list_contains($sales_reps::VARCHAR[], coalesce(sales_rep, '')))
        ), lines_sold AS (
            SELECT lines.*, years_back,
                   CASE WHEN $currency IS NULL THEN lines.house_amount ELSE lines.amount END AS value
            FROM sales_lines AS lines JOIN orders_sold USING (connector, order_code)
        )
    """

    def ask(question, **parameters):
        """Return the answer as a frame; values are parameters, and never part of the question."""
        with PLATFORM.readable.reading() as connection:
            return connection.execute(question, parameters).df()

    def year_before(day: date) -> date:
        """Return the same day a year before; the last day of a month stays the last one."""
        last = monthrange(day.year - 1, day.month)[1]
        is_last = day.day == monthrange(day.year, day.month)[1]
        return date(day.year - 1, day.month, last if is_last else min(day.day, last))

    def two_decimals(value):
        return "" if pd.isna(value) else f"{value:,.2f}"

    def percent(value):
        return "" if pd.isna(value) else f"{value:+,.1f}%"

    def table(frame, **formats):
        """Return a frame as a table to sort, search and download."""
        days = {name: frame[name].dt.date for name in frame.select_dtypes("datetime")}
        numbers = dict.fromkeys(frame.select_dtypes("float"), two_decimals)
        return mo.ui.table(
            frame.assign(**days),
            selection=None,
            page_size=10,
            format_mapping=numbers | formats,
            show_column_summaries=False,
            show_data_types=False,
        )


@app.cell
def _():
    mo.md("""
    # Sales and stock

    A sale is what `is_sale` of the models says; its value is after discount and before VAT, and returns
    are taken off. Sales are compared with the same days a year before.
    """)
    return


@app.cell
def _():
    with PLATFORM.readable.reading() as _connection:
        _names = connectors_in(_connection)
    mo.stop(not _names, mo.md("Nothing was imported yet: run `a4s sync`."))
    connector = mo.ui.dropdown(_names, value=_names[0], label="Connector", allow_select_none=False)
    return (connector,)


@app.cell
def _(connector):
    # The twelve months that end with the last sale that is known, as in the report.
    today = datetime.now(UTC).astimezone(PLATFORM.settings.timezone).date()
    with PLATFORM.readable.reading() as _connection:
        year = year_of_sales(_connection, connector.value, today)
    days = mo.ui.date_range(
        value=(year.months[0], year.until) if year else (today.replace(month=1, day=1), today), label="Days"
    )
    return days, today, year


@app.cell
def _(connector):
    _found = ask(
        """
        SELECT coalesce(currency, '') AS currency FROM sales_orders
        WHERE is_sale AND connector = $connector GROUP BY ALL ORDER BY count(*) DESC, currency
        """,
        connector=connector.value,
    )["currency"]
    house = PLATFORM.settings.currency
    _options = {name or "no currency": name for name in _found} | {f"all, in {house}": None}
    currency = mo.ui.dropdown(_options, value=next(iter(_options)), label="Currency", allow_select_none=False)
    return currency, house


@app.cell
def _(connector):
    _found = ask(
        """
        SELECT customer_code, coalesce(name, '') AS name FROM dim_customer
        WHERE connector = $connector AND order_count > 0 ORDER BY name, customer_code
        """,
        connector=connector.value,
    )
    customers = mo.ui.multiselect(
        {f"{_name} ({_code})": _code for _code, _name in _found.itertuples(index=False)}, label="Customers"
    )
    return (customers,)


@app.cell
def _(connector):
    _found = ask(
        """
        SELECT DISTINCT coalesce(sales_rep, '') AS sales_rep FROM sales_orders
        WHERE is_sale AND connector = $connector ORDER BY sales_rep
        """,
        connector=connector.value,
    )["sales_rep"]
    sales_reps = mo.ui.multiselect({_name or "nobody": _name for _name in _found}, label="Sales reps")
    return (sales_reps,)


@app.cell
def _(connector, currency, customers, days, sales_reps):
    mo.hstack([connector, days, currency, customers, sales_reps], justify="start", wrap=True, gap=1)
    return


@app.cell
def _(connector, currency, customers, days, sales_reps):
    _first, _last = days.value
    chosen = {
        "connector": connector.value,
        "first": _first,
        "last": _last,
        "first_before": year_before(_first),
        "last_before": year_before(_last),
        "currency": currency.value,
        "customers": customers.value or None,
        "sales_reps": sales_reps.value or None,
    }
    return (chosen,)


@app.cell
def _():
    mo.md("## Sales by month")
    return


@app.cell
def _(chosen):
    totals = ask(
        SOLD
        + """
        SELECT coalesce(sum(value) FILTER (years_back = 0), 0) AS sales,
               coalesce(sum(value) FILTER (years_back = 1), 0) AS year_before,
               count(*) FILTER (years_back = 0 AND NOT is_return) AS orders,
               count(*) FILTER (years_back = 0 AND is_return) AS returns,
               count(*) FILTER (years_back = 0 AND value IS NULL) AS without_value
        FROM orders_sold
        """,
        **chosen,
    ).iloc[0]
    return (totals,)


@app.cell
def _(chosen, house, totals):
    _change = (totals.sales / totals.year_before - 1) * 100 if totals.year_before > 0 else None
    _stats = [
        mo.stat(
            f"{totals.sales:,.2f}",
            label=f"Sales, {house if chosen['currency'] is None else chosen['currency'] or 'no currency'}",
            caption=f"{chosen['first']} to {chosen['last']}",
            bordered=True,
        ),
        mo.stat(
            f"{totals.year_before:,.2f}",
            label="The same days a year before",
            caption=f"{chosen['first_before']} to {chosen['last_before']}",
            bordered=True,
        ),
        mo.stat(percent(_change) or "none", label="Change", bordered=True),
        mo.stat(
            f"{totals.orders:,.0f}",
            label="Orders",
            caption=f"and {totals.returns:,.0f} returns; {totals.without_value:,.0f} without an amount"
            + (f" in {house}" if chosen["currency"] is None else ""),
            bordered=True,
        ),
    ]
    mo.hstack(_stats, justify="start", wrap=True, gap=1)
    return


@app.cell
def _(chosen):
    months = ask(
        SOLD
        + """
        SELECT month,
               coalesce(sum(value) FILTER (years_back = 0), 0) AS sales,
               coalesce(sum(value) FILTER (years_back = 1), 0) AS year_before
        FROM (
            SELECT unnest(
                generate_series(date_trunc('month', $first::DATE), $last::DATE, INTERVAL 1 MONTH)
            )::DATE AS month
        ) LEFT JOIN orders_sold USING (month)
        GROUP BY month ORDER BY month
        """,
        **chosen,
    )
    return (months,)


@app.cell
def _(months):
    mo.stop(not months[["sales", "year_before"]].any(axis=None), mo.md("Nothing was sold in these days."))
    _bars = months.rename(columns={"sales": "these days", "year_before": "a year before"})
    alt.Chart(_bars.melt("month", var_name="span", value_name="sales")).mark_bar().encode(
        x=alt.X("yearmonth(month):O", title=None),
        xOffset=alt.XOffset("span:N", sort=["a year before", "these days"]),
        y=alt.Y("sales:Q", title=None, axis=alt.Axis(format="~s")),
        color=alt.Color(
            "span:N",
            title=None,
            scale=alt.Scale(domain=["a year before", "these days"], range=["#b8c4d0", "#1f6feb"]),
            legend=alt.Legend(orient="top"),
        ),
        tooltip=["yearmonth(month):O", "span:N", alt.Tooltip("sales:Q", format=",.2f")],
    ).properties(width="container", height=260)
    return


@app.cell
def _():
    mo.md("## Top customers and items")
    return


@app.cell
def _(chosen):
    top_customers = ask(
        SOLD
        + """
        SELECT customer_code, any_value(dim_customer.name) AS name,
               sum(value) FILTER (years_back = 0) AS sales,
               sum(value) FILTER (years_back = 1) AS year_before,
               CASE WHEN year_before > 0 THEN 100 * (sales / year_before - 1) END AS change,
               count(*) FILTER (years_back = 0 AND NOT is_return) AS orders,
               max(order_day) FILTER (years_back = 0 AND NOT is_return) AS last_order_day
        FROM orders_sold LEFT JOIN dim_customer USING (connector, customer_code)
        GROUP BY customer_code HAVING sales IS NOT NULL ORDER BY sales DESC, customer_code
        """,
        **chosen,
    )
    return (top_customers,)


@app.cell
def _(chosen):
    # Quantities in two units are not added up. Orders without lines have no items here.
    top_items = ask(
        SOLD
        + """
        SELECT item_code, any_value(dim_item.name) AS name,
               CASE WHEN count(DISTINCT unit) FILTER (years_back = 0) <= 1
                    THEN sum(quantity) FILTER (years_back = 0) END AS quantity,
               string_agg(DISTINCT unit, ', ') FILTER (years_back = 0) AS unit,
               sum(value) FILTER (years_back = 0) AS sales,
               sum(value) FILTER (years_back = 1) AS year_before,
               CASE WHEN year_before > 0 THEN 100 * (sales / year_before - 1) END AS change
        FROM lines_sold LEFT JOIN dim_item USING (connector, item_code)
        WHERE item_code IS NOT NULL
        GROUP BY item_code HAVING sales IS NOT NULL ORDER BY sales DESC, item_code
        """,
        **chosen,
    )
    return (top_items,)


@app.cell
def _(top_customers, top_items):
    mo.ui.tabs(
        {
            "Customers": table(top_customers, change=percent),
            "Items": table(top_items, change=percent),
        }
    )
    return


@app.cell
def _():
    quiet_months = mo.ui.slider(1, 24, value=6, label="Months without an order", show_value=True)
    mo.vstack([mo.md("## Customers gone quiet"), quiet_months])
    return (quiet_months,)


@app.cell
def _(chosen, quiet_months):
    # Their last order of all, in any currency and of any rep, is that long before the last chosen day; a
    # customer belongs to the rep of that order. Beside it is what they bought in the year that ended with it.
    gone_quiet = ask(
        """
        WITH last_orders AS (
            SELECT connector, customer_code, max(order_day) AS last_order_day,
                   arg_max(coalesce(sales_rep, ''), (order_date, order_code)) AS sales_rep
            FROM sales_orders
            WHERE is_sale AND NOT is_return AND connector = $connector AND order_day <= $last
              AND ($customers IS NULL OR list_contains($customers::VARCHAR[], customer_code))
            GROUP BY ALL
            HAVING last_order_day < $last - to_months($months)
               AND ($sales_reps IS NULL OR list_contains($sales_reps::VARCHAR[], sales_rep))
        )
        SELECT customer_code, dim_customer.name, last_orders.sales_rep, last_orders.last_order_day,
               count(*) FILTER (NOT is_return) AS orders_of_last_year,
               sum(
                   CASE WHEN $currency IS NULL THEN house_amount
                        WHEN coalesce(sold.currency, '') = $currency THEN amount END
               ) AS sales_of_last_year
        FROM last_orders
        JOIN dim_customer USING (connector, customer_code)
        JOIN sales_orders AS sold USING (connector, customer_code)
        WHERE is_sale AND NOT is_removed AND NOT is_blocked
          AND order_day > last_orders.last_order_day - INTERVAL 1 YEAR AND order_day <= $last
        GROUP BY ALL ORDER BY sales_of_last_year DESC NULLS LAST, customer_code
        """,
        **{name: chosen[name] for name in ("connector", "last", "currency", "customers", "sales_reps")},
        months=quiet_months.value,
    )
    return (gone_quiet,)


@app.cell
def _(gone_quiet):
    mo.stop(gone_quiet.empty, mo.md("Everybody has ordered since."))
    table(gone_quiet)
    return


@app.cell
def _():
    weeks = mo.ui.slider(1, 26, value=6, label="Weeks ahead", show_value=True)
    mo.vstack(
        [
            mo.md(
                """
                ## Items running short

                What is projected, less what was sold a week of late, falls below nil: reckoned as in the
                report, for all customers and from today on. Of the filters the connector alone counts.
                """
            ),
            weeks,
        ]
    )
    return (weeks,)


@app.cell
def _(connector, today, weeks, year):
    with PLATFORM.readable.reading() as _connection:
        shortages = items_running_short(
            _connection, connector.value, year, today, limit=1000, weeks=weeks.value
        )
    return (shortages,)


@app.cell
def _(shortages):
    running_short = pd.DataFrame(
        [
            {
                "item_code": _item.code,
                "name": _item.name,
                "runs_out": _item.runs_out,
                "projected_now": float(_item.projected),
                "sold_a_week": float(_item.a_week),
                "unit": _item.unit,
                "next_delivery": _item.next_delivery and _item.next_delivery.day,
            }
            for _item in shortages.items
        ]
    )
    mo.stop(running_short.empty, mo.md("No item runs short."))
    table(running_short)
    return (running_short,)


if __name__ == "__main__":
    app.run()
