/*
description = """Order headers with their sales values: one row per order, of every type, removed ones too. \
What was sold is `WHERE is_sale`: orders and returns, and orders without a type; quotations, invoices (which \
repeat their order), removed and cancelled orders are not sales. Orders dated in the future count too. \
Every other number on sales is built on this."""
key = ["connector", "order_code"]
not_null = ["is_sale", "is_return", "sign"]
accepted.sales_rep_source = ["order", "customer"]
accepted.status_group = ["open", "shipped", "invoiced", "cancelled"]
accepted.sign = [1, -1]

[references]
orders = { connector = "connector", order_code = "order_code" }
dim_customer = { connector = "connector", customer_code = "customer_code" }

[columns]
connector = ["VARCHAR", "The App4Sales Platform connection that the row belongs to."]
order_code = ["VARCHAR", "The order's code."]
order_number = ["VARCHAR", "The number that people know the order by."]
order_date = ["TIMESTAMPTZ", "When the order was placed."]
order_day = ["DATE", "The day on which it was placed, in {zone} (A4S_TIMEZONE)."]
modified_day = ["DATE", "The day on which the legacy backend last changed it, in {zone}."]
customer_code = ["VARCHAR", "The customer who ordered."]
customer_name = ["VARCHAR", "The customer's name on the order."]
order_type = ["VARCHAR", "order, quotation, invoice or return, in lower case; null if the back office names none."]
is_sale = ["BOOLEAN", "Whether it counts as sold: the one definition of a sale."]
is_return = ["BOOLEAN", "Whether it is a return."]
status = ["VARCHAR", "The status in the legacy backend."]
status_group = ["VARCHAR", "open, shipped, invoiced or cancelled, by the reference table order_status; null if it does not map the status."]
is_open = ["BOOLEAN", "Whether it is still open; null if its status is not mapped."]
sales_rep = ["VARCHAR", "The sales representative on the order, or else the customer's."]
sales_rep_source = ["VARCHAR", "order or customer: where the sales representative was found."]
currency = ["VARCHAR", "The currency of the amounts, in capitals; null if the order names none."]
amount = ["DECIMAL(18,4)", "Its value: the sub total, after discount, before VAT and shipping costs; negative on a return; null if there is none."]
vat_amount = ["DECIMAL(18,4)", "The VAT, negative on a return."]
shipping_costs = ["DECIMAL(18,4)", "The shipping costs, negative on a return."]
total = ["DECIMAL(18,4)", "Amount, VAT and shipping costs together, negative on a return."]
sign = ["TINYINT", "What the source's numbers were multiplied by: -1 on a return that its back office writes with positive numbers, otherwise 1."]
rate = ["DECIMAL(38,8)", "What one unit of the currency was worth in {currency} (A4S_CURRENCY) on the day; null if currency_rates has none."]
house_amount = ["DECIMAL(18,4)", "The amount in {currency} (A4S_CURRENCY) at the last rate of currency_rates on or before the day; null if there is no rate, or the result does not fit in the column."]
reference = ["VARCHAR", "Our reference."]
your_reference = ["VARCHAR", "The customer's reference."]
delivery_post_code = ["VARCHAR", "The post code of the order's own delivery address, if it has one."]
delivery_city = ["VARCHAR", "The city of the order's own delivery address."]
delivery_country = ["VARCHAR", "The country of the order's own delivery address."]
has_lines = ["BOOLEAN", "Whether its lines are stored; without them it is missing from sales_lines."]
*/
WITH negated AS (
    -- Some back offices write a return with positive numbers; nothing on it is negative then.
    SELECT connector, order_code
    FROM orders
    ANTI JOIN (SELECT connector, order_code FROM order_lines WHERE quantity < 0 OR line_total < 0)
    USING (connector, order_code)
    WHERE lower(trim(order_type)) = 'return' AND coalesce(sub_total, 0) >= 0
), states AS (
    SELECT connector, status, coalesce(
        (
            SELECT arg_max(mapped.status_group, mapped.connector IS NOT NULL)
            FROM order_status AS mapped
            WHERE lower(trim(mapped.status)) = lower(trim(used.status))
              AND (mapped.connector IS NULL OR mapped.connector = used.connector)
        ),
        CASE WHEN lower(trim(status)) IN ('open', 'shipped', 'invoiced', 'cancelled')
             THEN lower(trim(status)) END
    ) AS status_group
    FROM (SELECT DISTINCT connector, status FROM orders) AS used
), rates AS (
    -- As wide as a decimal can be: an amount times a rate of 18 digits is too large from a million on.
    SELECT currency, order_day, (
        SELECT arg_max(given.rate, given.day)::DECIMAL(38,8)
        FROM currency_rates AS given
        WHERE upper(trim(given.currency)) = upper(trim(used.currency)) AND given.day <= used.order_day
    ) AS rate
    FROM (SELECT DISTINCT currency, order_day FROM orders WHERE currency <> {currency}) AS used
), reps AS (
    SELECT connector, customer_code, coalesce(
        nullif(trim(attributes ->> '$.salesRep'), ''),
        nullif(trim(attributes ->> '$.salesRepresentative'), ''),
        nullif(trim(attributes ->> '$.accountManager'), '')
    ) AS sales_rep
    FROM customers
), headers AS (
    -- Back offices write one word in several ways, and nothing as an empty text.
    SELECT orders.* REPLACE (
               nullif(lower(trim(order_type)), '') AS order_type,
               nullif(upper(trim(currency)), '') AS currency,
               nullif(trim(sales_rep), '') AS sales_rep
           ),
           (
               SELECT any_value(states.status_group) FROM states
               WHERE states.connector = orders.connector AND states.status = orders.status
           ) AS status_group,
           (
               SELECT any_value(reps.sales_rep) FROM reps
               WHERE reps.connector = orders.connector AND reps.customer_code = orders.customer_code
           ) AS customer_rep,
           (
               SELECT any_value(rates.rate) FROM rates
               WHERE rates.currency = orders.currency AND rates.order_day = orders.order_day
           ) AS rate,
           coalesce(
               (
                   SELECT any_value(-1) FROM negated
                   WHERE negated.connector = orders.connector AND negated.order_code = orders.order_code
               ),
               1
           )::TINYINT AS sign
    FROM orders
)
SELECT connector, order_code, order_number, order_date, order_day, modified_day, customer_code, customer_name,
       order_type,
       removed_at IS NULL
           AND coalesce(order_type, 'order') IN ('order', 'return')
           AND status_group IS DISTINCT FROM 'cancelled' AS is_sale,
       coalesce(order_type = 'return', false) AS is_return,
       status, status_group, status_group = 'open' AS is_open,
       coalesce(sales_rep, customer_rep) AS sales_rep,
       CASE WHEN sales_rep IS NOT NULL THEN 'order' WHEN customer_rep IS NOT NULL THEN 'customer' END
           AS sales_rep_source,
       currency,
       (sub_total * sign)::DECIMAL(18,4) AS amount,
       (vat_total * sign)::DECIMAL(18,4) AS vat_amount,
       (headers.shipping_costs * sign)::DECIMAL(18,4) AS shipping_costs,
       (headers.total * sign)::DECIMAL(18,4) AS total,
       sign, rate,
       CASE WHEN currency = {currency} THEN (sub_total * sign)::DECIMAL(18,4)
            ELSE try_cast(sub_total * sign * rate AS DECIMAL(18,4)) END AS house_amount,
       reference, your_reference,
       delivery_address ->> '$.postCode' AS delivery_post_code,
       delivery_address ->> '$.city' AS delivery_city,
       delivery_address ->> '$.country' AS delivery_country,
       lines_synced_at IS NOT NULL AS has_lines
FROM headers
