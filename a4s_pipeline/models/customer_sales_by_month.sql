/*
description = """What each customer bought in a month: the sum of the amounts of sales_orders, after discount, \
before VAT and shipping costs, less returns. One row per currency; currencies are never added up. A \
sale is defined by `is_sale` of sales_orders. A removed customer's sales stay. Months are those of the order \
date in {zone} (A4S_TIMEZONE); future dates count too."""
key = ["connector", "customer_code", "month", "currency"]
nullable = ["currency"]
not_null = ["order_count", "return_count", "without_amount"]

[references]
dim_customer = { connector = "connector", customer_code = "customer_code" }

[columns]
connector = ["VARCHAR", "The App4Sales Platform connection that the row belongs to."]
customer_code = ["VARCHAR", "The customer who ordered."]
customer_name = ["VARCHAR", "The customer's name as listed; one never listed has the name on the month's last order."]
month = ["DATE", "The first day of the month, in {zone}."]
currency = ["VARCHAR", "The currency of the amounts; null if the orders name none."]
order_count = ["BIGINT", "How many orders count."]
return_count = ["BIGINT", "How many returns count."]
sub_total = ["DECIMAL(38,4)", "The sum of their amounts; null if none has one."]
without_amount = ["BIGINT", "How many of them have no amount and add nothing to the sum."]
*/
-- The name is looked up in a subquery: DuckDB 2.0.0 finds nothing by a filter such as
-- coalesce(sub_total, 0) > 0 above a LEFT JOIN to a table that holds no customer of the connector.
WITH months AS (
    SELECT connector, customer_code, date_trunc('month', order_day)::DATE AS month, currency,
           arg_max(customer_name, (order_date, order_code)) AS last_name,
           count(*) FILTER (NOT is_return) AS order_count,
           count(*) FILTER (is_return) AS return_count,
           sum(amount) AS sub_total,
           count(*) - count(amount) AS without_amount
    FROM sales_orders
    WHERE is_sale
    GROUP BY ALL
)
SELECT connector, customer_code,
       coalesce(
           (
               SELECT any_value(name) FROM customers
               WHERE customers.connector = months.connector
                 AND customers.customer_code = months.customer_code
           ),
           last_name
       ) AS customer_name,
       month, currency, order_count, return_count, sub_total, without_amount
FROM months
