-- A store of the orders and lines asked for, of three connectors and the ten years before now.
-- Every choice is made by the hash of a number, so that each run has the same rows.

CREATE OR REPLACE TEMP MACRO drawn(many, one, other) AS (hash(one, other) % many)::BIGINT;

CREATE OR REPLACE TEMP TABLE one AS
SELECT ['noord', 'zuid', 'west'][number % 3 + 1] AS connector, number, 'G' || lpad(number::VARCHAR, 8, '0') AS code,
       drawn(1000000, number, 0) AS chance, $at AS at,
       ($at - to_days(drawn(3650, number, 1)::INTEGER) - to_minutes(drawn(1440, number, 2)::INTEGER)) AS placed
FROM range($orders) AS orders(number);

INSERT INTO customers (connector, customer_code, name, is_blocked, currency, price_list, created, created_day,
                       attributes, synced_at, run_id)
SELECT connector, 'K' || number, 'Klant ' || number, number % 50 = 0, 'EUR', 'P' || number % 8, $at, local_day($at),
       '{"salesRep": "Vertegenwoordiger ' || number % 12 || '"}', $at, 'r'
FROM (VALUES ('noord'), ('zuid'), ('west')) AS connectors(connector), range(3000) AS customers(number);

INSERT INTO customer_addresses (connector, customer_code, address_number, type, is_main, address_line1, post_code,
                                city, country, synced_at, run_id)
SELECT connector, customer_code, place, ['Visit', 'Delivery'][place], true, 'Straat 1',
       (1000 + drawn(9000, customer_code, 0)) || ' AB', 'Plaats', ['NL', 'BE', 'DE'][drawn(3, customer_code, 0) + 1], $at, 'r'
FROM customers, range(1, 3) AS places(place);

INSERT INTO items (connector, item_code, family_code, unit_code, created, created_day, synced_at, run_id)
SELECT connector, 'A' || number, 'F' || number % 40, 'stuk', $at, local_day($at), $at, 'r'
FROM (VALUES ('noord'), ('zuid'), ('west')) AS connectors(connector), range(5000) AS items(number);

INSERT INTO item_names (connector, item_code, language, name, synced_at, run_id)
SELECT connector, item_code, language, 'Artikel ' || item_code, $at, 'r'
FROM items, (VALUES ('nl'), ('en'), ('de')) AS languages(language);

INSERT INTO item_attributes (connector, item_code, name, value, value_text, synced_at, run_id)
SELECT connector, item_code, name, '"12.50"', '12.50', $at, 'r'
FROM items, (VALUES ('listPrice'), ('colour'), ('brand')) AS names(name);

INSERT INTO item_stocks (connector, item_code, shelf_stock, to_be_delivered, stock_day, synced_at, run_id)
SELECT connector, item_code, drawn(200, item_code, 0), drawn(150, item_code, 1), local_day($at), $at, 'r' FROM items;

INSERT INTO item_deliveries (connector, item_code, entry_number, delivery_date, quantity, synced_at, run_id)
SELECT connector, item_code, entry, local_day($at) + drawn(60, item_code, entry)::INTEGER, 20, $at, 'r'
FROM items, range(1, 5) AS entries(entry);

INSERT INTO orders (connector, order_code, order_number, order_date, order_day, customer_code, customer_name,
                    order_type, status, reference, currency, sub_total, vat_total, shipping_costs, total,
                    sales_rep, header_fingerprint, lines_fingerprint, lines_synced_at, synced_at, run_id)
SELECT connector, code, code, placed, local_day(placed), 'K' || drawn(3300, number, 3), 'Klant',
       CASE WHEN chance % 100 < 3 THEN 'quotation' WHEN chance % 100 < 8 THEN 'return'
            WHEN chance % 100 < 10 THEN 'invoice' ELSE 'order' END,
       ['open', 'shipped', 'invoiced', 'invoiced', 'cancelled'][drawn(5, number, 4) + 1],
       'Ref ' || number, ['EUR', 'EUR', 'EUR', 'GBP', 'USD'][drawn(5, number, 5) + 1],
       CASE WHEN chance % 100 BETWEEN 3 AND 7 THEN -1 ELSE 1 END * (100 + chance % 90000 / 100), 84, 0, 484,
       CASE WHEN chance % 3 > 0 THEN 'Vertegenwoordiger ' || chance % 12 END,
       md5(code), md5(code || 'lines'), $at, $at, 'r'
FROM one;

INSERT INTO order_lines (connector, order_code, line_code, line_number, item_code, description, quantity, unit,
                         price, discount, line_total, delivery_date, attributes, synced_at, run_id)
SELECT connector, code, (place * 10)::VARCHAR, place, 'A' || drawn(5200, number, place), 'Artikel van regel ' || place,
       CASE WHEN chance % 100 BETWEEN 3 AND 7 THEN -1 ELSE 1 END * (1 + drawn(20, number * 8 + place, 1)), 'stuk',
       drawn(9000, number * 8 + place, 2) / 100, drawn(20, number * 8 + place, 3),
       CASE WHEN chance % 100 BETWEEN 3 AND 7 THEN -1 ELSE 1 END * (25 + chance % 90000 / 400),
       (placed + to_days(drawn(30, number * 8 + place, 4)::INTEGER))::DATE,
       CASE WHEN chance % 2 = 0 THEN '{"deliveredDate": "' || (placed + INTERVAL 9 DAYS)::DATE || '"}' END, $at, 'r'
FROM one, range(1, $lines + 1) AS lines(place);
