/*
description = """Customers: one row per customer, including those never listed and known only from their \
orders (`NOT is_listed`), so that every order with a customer code has its customer here. First and last order are the first and last \
sale, without returns."""
key = ["connector", "customer_code"]
not_null = ["is_blocked", "is_prospect", "is_listed", "is_removed", "order_count"]

[columns]
connector = ["VARCHAR", "The App4Sales Platform connection that the row belongs to."]
customer_code = ["VARCHAR", "The customer's code, unique in its administration."]
name = ["VARCHAR", "The customer's name; for one never listed, the name on its last order."]
customer_group = ["VARCHAR", "The customer's group: the {customer_group} (A4S_CUSTOMER_GROUP)."]
price_list = ["VARCHAR", "The customer's price list."]
currency = ["VARCHAR", "The customer's currency, in capitals; orders may be in another."]
language_code = ["VARCHAR", "The customer's language."]
discount = ["DECIMAL(18,4)", "The customer's discount in percent."]
payment_condition_code = ["VARCHAR", "The customer's payment condition."]
vat_number = ["VARCHAR", "The VAT number."]
is_blocked = ["BOOLEAN", "Whether the customer is blocked; false if nothing says so."]
is_prospect = ["BOOLEAN", "Whether the customer is a prospect; false if nothing says so."]
is_listed = ["BOOLEAN", "Whether the gateway lists the customer, or did so until it was removed."]
is_removed = ["BOOLEAN", "Whether the customer is gone at the source."]
created_day = ["DATE", "The day on which the customer was created, in {zone} (A4S_TIMEZONE)."]
address_line1 = ["VARCHAR", "The first line of the main address: the visit address, or else the invoice address, or another."]
post_code = ["VARCHAR", "The post code of the main address."]
city = ["VARCHAR", "The city of the main address."]
country = ["VARCHAR", "The country of the main address."]
region = ["VARCHAR", "The state or province of the main address; the first two characters of the post code if it names none."]
delivery_address_line1 = ["VARCHAR", "The first line of the address for deliveries, or else of the main one."]
delivery_post_code = ["VARCHAR", "The post code of the address for deliveries, or else of the main one."]
delivery_city = ["VARCHAR", "The city of the address for deliveries, or else of the main one."]
delivery_country = ["VARCHAR", "The country of the address for deliveries, or else of the main one."]
first_order_day = ["DATE", "The day of the first sale; null if there is none."]
last_order_day = ["DATE", "The day of the last sale."]
order_count = ["BIGINT", "How many sales there were, without returns."]
*/
WITH bought AS (
    SELECT connector, customer_code,
           min(order_day) FILTER (is_sale AND NOT is_return) AS first_order_day,
           max(order_day) FILTER (is_sale AND NOT is_return) AS last_order_day,
           count(*) FILTER (is_sale AND NOT is_return) AS order_count,
           arg_max(customer_name, (order_date, order_code)) AS last_name
    FROM sales_orders
    GROUP BY ALL
), ranked AS (
    SELECT connector, customer_code, address_line1, post_code, city, country, state,
           row_number() OVER (
               PARTITION BY connector, customer_code
               ORDER BY coalesce(array_position(['Visit', 'Invoice', 'Other'], type), 9),
                        coalesce(is_main, false) DESC, address_number
           ) AS main_rank,
           row_number() OVER (
               PARTITION BY connector, customer_code
               ORDER BY coalesce(array_position(['Delivery', 'Visit', 'Invoice', 'Other'], type), 9),
                        coalesce(is_main, false) DESC, address_number
           ) AS delivery_rank
    FROM customer_addresses
), placed AS (
    SELECT connector, customer_code,
           any_value(address_line1) FILTER (main_rank = 1) AS address_line1,
           any_value(post_code) FILTER (main_rank = 1) AS post_code,
           any_value(city) FILTER (main_rank = 1) AS city,
           any_value(country) FILTER (main_rank = 1) AS country,
           any_value(coalesce(nullif(state, ''), left(post_code, 2))) FILTER (main_rank = 1) AS region,
           any_value(address_line1) FILTER (delivery_rank = 1) AS delivery_address_line1,
           any_value(post_code) FILTER (delivery_rank = 1) AS delivery_post_code,
           any_value(city) FILTER (delivery_rank = 1) AS delivery_city,
           any_value(country) FILTER (delivery_rank = 1) AS delivery_country
    FROM ranked
    GROUP BY ALL
), listed AS (
    SELECT connector, customer_code, name, nullif(trim({customer_group}), '') AS customer_group, price_list,
           nullif(upper(trim(currency)), '') AS currency,
           language_code, discount, payment_condition_code, vat_number,
           coalesce(is_blocked, false) AS is_blocked, coalesce(is_prospect, false) AS is_prospect,
           true AS is_listed, removed_at IS NOT NULL AS is_removed, created_day
    FROM customers
    UNION ALL BY NAME
    SELECT connector, customer_code, last_name AS name, false AS is_blocked, false AS is_prospect,
           false AS is_listed, false AS is_removed
    FROM bought
    ANTI JOIN customers USING (connector, customer_code)
    WHERE customer_code IS NOT NULL
)
SELECT connector, customer_code, name, customer_group, price_list, currency, language_code, discount,
       payment_condition_code, vat_number, is_blocked, is_prospect, is_listed, is_removed, created_day,
       address_line1, post_code, city, country, region, delivery_address_line1, delivery_post_code,
       delivery_city, delivery_country, first_order_day, last_order_day, coalesce(order_count, 0) AS order_count
FROM listed
LEFT JOIN placed USING (connector, customer_code)
LEFT JOIN bought USING (connector, customer_code)
