/*
description = """Items: one row per item, including those never listed and known only from order lines \
(`NOT is_listed`), so that every line with an item code has its item here."""
key = ["connector", "item_code"]
not_null = ["is_listed", "is_removed"]

[columns]
connector = ["VARCHAR", "The App4Sales Platform connection that the row belongs to."]
item_code = ["VARCHAR", "The item's code, unique in its administration."]
name = ["VARCHAR", "The item's name in {language} (A4S_LANGUAGE), or else in English, or else in any language; for one never listed, the description on its last line."]
family_code = ["VARCHAR", "The family that the item belongs to."]
family_name = ["VARCHAR", "The family's name from the reference table item_families; otherwise its code."]
ean_code = ["VARCHAR", "The item's EAN bar code."]
unit_code = ["VARCHAR", "The code of the item's one unit of measure."]
unit_quantity = ["DECIMAL(18,4)", "How many pieces are in the unit of measure."]
is_listed = ["BOOLEAN", "Whether the gateway lists the item, or did so until it was removed."]
is_removed = ["BOOLEAN", "Whether the item is gone at the source."]
created_day = ["DATE", "The day on which the item was created, in {zone} (A4S_TIMEZONE)."]
shelf_stock = ["DECIMAL(18,4)", "The quantity on the shelf at the last sync."]
to_be_delivered = ["DECIMAL(18,4)", "The quantity sold but not delivered yet."]
available_stock = ["DECIMAL(18,4)", "Shelf stock less what is to be delivered; negative if it is short."]
*/
WITH named AS (
    SELECT connector, item_code,
           arg_max(name, (language = {language}, language = 'en', language)) AS name
    FROM item_names
    WHERE name <> ''
    GROUP BY ALL
), described AS (
    SELECT connector, item_code{item_attributes}
    FROM item_attributes
    GROUP BY ALL
), unlisted AS (
    SELECT connector, item_code,
           arg_max(description, (orders.order_date, orders.order_code, sold.line_code)) AS name
    FROM (
        SELECT connector, order_code, line_code, item_code, description
        FROM order_lines
        ANTI JOIN items USING (connector, item_code)
        WHERE item_code IS NOT NULL
    ) AS sold
    JOIN orders USING (connector, order_code)
    GROUP BY ALL
), listed AS (
    SELECT connector, item_code, named.name, family_code, ean_code, unit_code, unit_quantity,
           true AS is_listed, removed_at IS NOT NULL AS is_removed, created_day
    FROM items
    LEFT JOIN named USING (connector, item_code)
    UNION ALL BY NAME
    SELECT connector, item_code, name, false AS is_listed, false AS is_removed
    FROM unlisted
)
SELECT connector, item_code, name, family_code,
       coalesce(
           (
               SELECT any_value(given.name) FROM item_families AS given
               WHERE given.family_code = listed.family_code
           ),
           family_code
       ) AS family_name,
       ean_code, unit_code, unit_quantity, is_listed, is_removed, created_day,
       shelf_stock, to_be_delivered, try_cast(shelf_stock - to_be_delivered AS DECIMAL(18,4)) AS available_stock
       {item_attribute_names}
FROM listed
LEFT JOIN item_stocks USING (connector, item_code)
LEFT JOIN described USING (connector, item_code)
