"""The tables that a site fills itself: each from a file of its name in the folder `reference`.

They belong to no connector and to no sync: a file's rows replace the table's.
"""

from __future__ import annotations

from a4s_pipeline.warehouse.table import AMOUNT, DAY, INSTANT, TEXT, WHOLE, Column, Table

RATE = "DECIMAL(18,8)"
OF_A_FILE = "From reference/"
"""The beginning of the comment on a table from a file without a described shape."""

HOLIDAYS = Table(
    "holidays",
    "The public holidays of the Netherlands and Belgium, from 2000 to ten years ahead; dim_date shows them.",
    ("country", "day"),
    (
        Column("country", TEXT, "NL or BE."),
        Column("day", DAY, "The day."),
        Column("name", TEXT, "The holiday's name in English."),
    ),
)
ORDER_STATUS = Table(
    "order_status",
    "What each status of the legacy backend means; from data/reference/order_status.csv.",
    ("connector", "status"),
    (
        Column("connector", TEXT, "The connector it applies to; null or absent: all connectors."),
        Column("status", TEXT, "The status as orders.status has it, whatever its capitals."),
        Column("status_group", TEXT, "open, shipped, invoiced or cancelled."),
    ),
)
CURRENCY_RATES = Table(
    "currency_rates",
    "Exchange rates to the house currency; from data/reference/currency_rates.csv.",
    ("currency", "day"),
    (
        Column("currency", TEXT, "The code of the currency, such as GBP."),
        Column("day", DAY, "The first day of the rate; it applies until the next one."),
        Column("rate", RATE, "What one unit of the currency is worth in the house currency (A4S_CURRENCY)."),
    ),
)
COST_PRICES = Table(
    "cost_prices",
    "What items cost to buy; from data/reference/cost_prices.csv. Margins need it.",
    ("item_code", "valid_from"),
    (
        Column("item_code", TEXT, "The item."),
        Column(
            "valid_from",
            DAY,
            "The first day of the price; it applies until the next one; null or absent: always.",
        ),
        Column("cost_price", AMOUNT, "What one unit costs, in the house currency (A4S_CURRENCY)."),
    ),
)
LIST_PRICES = Table(
    "list_prices",
    "The list prices of items; from data/reference/list_prices.csv. Price deviations need it.",
    ("item_code",),
    (
        Column("item_code", TEXT, "The item."),
        Column("currency", TEXT, "The currency of the price; null or absent: the house currency."),
        Column("list_price", AMOUNT, "The list price of one unit."),
    ),
)
ITEM_FAMILIES = Table(
    "item_families",
    "The names of item families; from data/reference/item_families.csv.",
    ("family_code",),
    (
        Column("family_code", TEXT, "The family's code, as items.family_code has it."),
        Column("name", TEXT, "The family's name."),
    ),
)
TARGETS = Table(
    "targets",
    "The sales targets of a site; from data/reference/targets.csv.",
    ("month", "sales_rep", "customer_code"),
    (
        Column("month", DAY, "The first day of the month."),
        Column("sales_rep", TEXT, "The sales representative; null or absent: all of them."),
        Column("customer_code", TEXT, "The customer; null or absent: all customers."),
        Column("amount", AMOUNT, "The target, in the house currency (A4S_CURRENCY)."),
    ),
)

SITE_FILES = Table(
    "site_files",
    "The site's own files, reference tables and SQL, and the result of loading each last time.",
    ("file",),
    (
        Column("file", TEXT, "The file's name."),
        Column("kind", TEXT, "reference or model."),
        Column("relation", TEXT, "The table or view of its name."),
        Column("row_count", WHOLE, "How many rows it has; null for a model, and if it is faulty."),
        Column("problem", TEXT, "Why it is left out; null if it was loaded."),
        Column("loaded_at", INSTANT, "When it was last read."),
    ),
)

SITE_TABLES: tuple[Table, ...] = (
    ORDER_STATUS,
    CURRENCY_RATES,
    COST_PRICES,
    LIST_PRICES,
    ITEM_FAMILIES,
    TARGETS,
)
REFERENCE_TABLES: tuple[Table, ...] = (HOLIDAYS, *SITE_TABLES, SITE_FILES)
