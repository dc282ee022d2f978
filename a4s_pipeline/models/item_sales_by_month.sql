/*
description = """How much of each item was sold in a month: the sums of quantity and amount of sales_lines, \
after discount and before VAT, less returns. One row per currency and unit; neither is ever added up. A \
sale is defined by `is_sale` of sales_lines. Text-only lines are one row without an item. \
Orders without lines (orders_without_lines) are missing; a removed item's sales stay. Months are \
those of the order date in {zone} (A4S_TIMEZONE); future dates count too."""
key = ["connector", "item_code", "month", "currency", "unit"]
nullable = ["item_code", "currency", "unit"]
not_null = ["order_count", "without_amount"]

[references]
dim_item = { connector = "connector", item_code = "item_code" }

[columns]
connector = ["VARCHAR", "The App4Sales Platform connection that the row belongs to."]
item_code = ["VARCHAR", "The item that was sold; null on text-only lines."]
description = ["VARCHAR", "The item's description on the month's last order."]
month = ["DATE", "The first day of the month, in {zone}."]
currency = ["VARCHAR", "The currency of the amounts; null if the orders name none."]
unit = ["VARCHAR", "The unit of the quantity; null if the lines name none."]
order_count = ["BIGINT", "How many orders and returns contain the item."]
quantity = ["DECIMAL(38,4)", "The sum of the quantities."]
line_total = ["DECIMAL(38,4)", "The sum of the amounts; null if no line has one."]
without_amount = ["BIGINT", "How many lines have no amount and add nothing to the sum."]
*/
SELECT connector, item_code,
       arg_max(description, (order_date, order_code, line_code)) AS description,
       date_trunc('month', order_day)::DATE AS month,
       currency, unit,
       count(DISTINCT order_code) AS order_count,
       sum(quantity) AS quantity,
       sum(amount) AS line_total,
       count(*) - count(amount) AS without_amount
FROM sales_lines
WHERE is_sale
GROUP BY ALL
