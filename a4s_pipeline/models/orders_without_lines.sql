/*
description = """Orders without lines: the next sync asks for them first. Removed orders are \
left out."""
key = ["connector", "order_code"]

[references]
orders = { connector = "connector", order_code = "order_code" }

[columns]
connector = ["VARCHAR", "The App4Sales Platform connection that the row belongs to."]
order_code = ["VARCHAR", "The order's code."]
order_number = ["VARCHAR", "The number that people know the order by."]
order_date = ["TIMESTAMPTZ", "When the order was placed."]
order_day = ["DATE", "The day on which it was placed, in {zone} (A4S_TIMEZONE)."]
customer_code = ["VARCHAR", "The customer who ordered."]
sub_total = ["DECIMAL(18,4)", "What the missing lines should add up to."]
currency = ["VARCHAR", "The currency of the order."]
synced_at = ["TIMESTAMPTZ", "When the header was last written."]
run_id = ["VARCHAR", "The run that last wrote the row, as shown in Dagster."]
*/
SELECT connector, order_code, order_number, order_date, order_day, customer_code, sub_total, currency,
       synced_at, run_id
FROM orders
WHERE lines_synced_at IS NULL AND removed_at IS NULL
