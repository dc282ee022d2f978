/*
description = """Order lines with their sales values: one row per line of an order of any type. What was sold \
is `WHERE is_sale`, as sales_orders defines it, and its value is `amount`. Text-only lines have no item \
and add nothing. An order without stored lines (sales_orders.has_lines) has no rows here."""
key = ["connector", "order_code", "line_code"]
not_null = ["is_sale", "is_return"]
accepted.sales_rep_source = ["order", "customer"]
accepted.status_group = ["open", "shipped", "invoiced", "cancelled"]

[references]
sales_orders = { connector = "connector", order_code = "order_code" }
order_lines = { connector = "connector", order_code = "order_code", line_code = "line_code" }
dim_customer = { connector = "connector", customer_code = "customer_code" }
dim_item = { connector = "connector", item_code = "item_code" }

[columns]
connector = ["VARCHAR", "The App4Sales Platform connection that the row belongs to."]
order_code = ["VARCHAR", "The order that the line belongs to."]
line_code = ["VARCHAR", "The line's code, unique in its order."]
line_number = ["BIGINT", "The line's position in the order; some back offices count from 0, others from 1."]
order_date = ["TIMESTAMPTZ", "When the order was placed."]
order_day = ["DATE", "The day on which it was placed, in {zone} (A4S_TIMEZONE)."]
customer_code = ["VARCHAR", "The customer who ordered."]
item_code = ["VARCHAR", "The item; null on a text-only line."]
description = ["VARCHAR", "The description on the order."]
order_type = ["VARCHAR", "order, quotation, invoice or return; null if the back office names none."]
is_sale = ["BOOLEAN", "Whether it counts as sold, as sales_orders defines it."]
is_return = ["BOOLEAN", "Whether it is a line of a return."]
status_group = ["VARCHAR", "open, shipped, invoiced or cancelled; null if the order's status is not mapped."]
is_open = ["BOOLEAN", "Whether its order is still open; null if its status is not mapped."]
sales_rep = ["VARCHAR", "The sales representative on the order, or else the customer's."]
sales_rep_source = ["VARCHAR", "order or customer: where the sales representative was found."]
quantity = ["DECIMAL(18,4)", "How many units; negative on a return."]
unit = ["VARCHAR", "The unit of the quantity; null if the line names none."]
price = ["DECIMAL(18,4)", "The price of one unit, in the order's currency."]
list_price = ["DECIMAL(18,4)", "The item's list price: from the reference table list_prices, or else the item's attribute listPrice, which is in {currency}; null if there is neither, or it is in another currency than the order."]
discount = ["DECIMAL(18,4)", "The discount in percent."]
currency = ["VARCHAR", "The currency of the amounts; null if the order names none."]
amount = ["DECIMAL(18,4)", "The line's value, after discount and before VAT; negative on a return; null if the line has no total."]
house_amount = ["DECIMAL(18,4)", "The amount in {currency} (A4S_CURRENCY), as in sales_orders; null if there is no rate."]
promised_day = ["DATE", "The day of delivery on the line; null if there is no real one."]
delivered_day = ["DATE", "The day on which it was delivered, from the field deliveredDate of the line; null if the back office does not send it."]
*/
WITH listed AS (
    SELECT connector, item_code, {currency} AS currency, try_cast(value_text AS DECIMAL(18,4)) AS list_price
    FROM item_attributes
    ANTI JOIN list_prices USING (item_code)
    WHERE name = 'listPrice'
    UNION ALL
    SELECT used.connector, item_code, coalesce(upper(currency), {currency}), list_price
    FROM list_prices
    CROSS JOIN (SELECT DISTINCT connector FROM orders) AS used
)
SELECT order_lines.connector, order_lines.order_code, line_code, line_number,
       headers.order_date, headers.order_day, headers.customer_code, order_lines.item_code, description,
       headers.order_type, headers.is_sale, headers.is_return, headers.status_group, headers.is_open,
       headers.sales_rep, headers.sales_rep_source,
       (quantity * headers.sign)::DECIMAL(18,4) AS quantity,
       nullif(trim(unit), '') AS unit, price,
       CASE WHEN listed.currency = headers.currency THEN listed.list_price END AS list_price,
       discount, headers.currency,
       (line_total * headers.sign)::DECIMAL(18,4) AS amount,
       CASE WHEN headers.currency = {currency} THEN (line_total * headers.sign)::DECIMAL(18,4)
            ELSE try_cast(line_total * headers.sign * headers.rate AS DECIMAL(18,4)) END AS house_amount,
       delivery_date AS promised_day,
       CASE WHEN delivered BETWEEN DATE '1990-01-01' AND DATE '2200-12-31' THEN delivered END AS delivered_day
FROM (
    SELECT *,
           -- An instant with an offset is of the day that it is here, whatever day is written.
           CASE WHEN regexp_full_match(attributes ->> '$.deliveredDate', '.*[T ].*(Z|[+-][0-9]{2}:?[0-9]{2})')
                THEN timezone({zone}, try_cast(attributes ->> '$.deliveredDate' AS TIMESTAMPTZ))::DATE
                ELSE try_cast(attributes ->> '$.deliveredDate' AS DATE) END AS delivered
    FROM order_lines
) AS order_lines
JOIN sales_orders AS headers
  ON headers.connector = order_lines.connector AND headers.order_code = order_lines.order_code
LEFT JOIN listed
  ON listed.connector = order_lines.connector AND listed.item_code = order_lines.item_code
