/*
description = """The projected stock of each item: one row for each day on which it changes, and it holds \
until the next. It is the stored shelf stock, less what is to be delivered, and the deliveries expected up to \
and including the day. An item's first day is the day, in {zone} (A4S_TIMEZONE), on which its stock was last \
written; deliveries of that day and before are in its first row. Deliveries without a real date never count. \
Removed items, and items without a stock, are left out. `a4s stock` asks for it live."""
key = ["connector", "item_code", "day"]
not_null = ["incoming"]

[references]
dim_item = { connector = "connector", item_code = "item_code" }

[columns]
connector = ["VARCHAR", "The App4Sales Platform connection that the row belongs to."]
item_code = ["VARCHAR", "The item."]
day = ["DATE", "The first day of this projection."]
last_day = ["DATE", "The last day of this projection; null if no change is known."]
incoming = ["DECIMAL(38,4)", "The expected deliveries of the day; on the item's first day, with all earlier ones."]
projected = ["DECIMAL(38,4)", "The projected stock; negative if it is short."]
promisable = ["DECIMAL(38,4)", "How much can be promised from the day on: the lowest projection on it or later. A quantity is available from the first day on which this is enough."]
short_from = ["DATE", "The item's first day of shortage; null where it never runs short."]
*/
WITH stock AS (
    SELECT connector, item_code, shelf_stock - to_be_delivered AS available, stock_day AS first_day
    FROM item_stocks
    ANTI JOIN (SELECT connector, item_code FROM items WHERE removed_at IS NOT NULL)
    USING (connector, item_code)
), entries AS (
    SELECT connector, item_code, first_day AS day, 0::DECIMAL(18,4) AS quantity
    FROM stock
    UNION ALL
    SELECT connector, item_code, greatest(delivery_date, first_day), quantity
    FROM stock
    JOIN item_deliveries USING (connector, item_code)
    WHERE delivery_date IS NOT NULL
), days AS (
    SELECT connector, item_code, day, sum(quantity) AS incoming
    FROM entries
    GROUP BY ALL
), courses AS (
    SELECT connector, item_code, day, incoming,
           available + sum(incoming) OVER (PARTITION BY connector, item_code ORDER BY day) AS projected
    FROM days
    JOIN stock USING (connector, item_code)
    WHERE incoming <> 0 OR day = first_day
)
SELECT connector, item_code, day,
       lead(day) OVER item_days - 1 AS last_day,
       incoming, projected,
       min(projected) OVER (
           item_days ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
       ) AS promisable,
       min(day) FILTER (projected < 0) OVER (PARTITION BY connector, item_code) AS short_from
FROM courses
WINDOW item_days AS (PARTITION BY connector, item_code ORDER BY day)
