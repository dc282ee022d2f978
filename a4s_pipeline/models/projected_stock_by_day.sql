/*
description = """The projected stock of each item, one row for each day on which it changes; in between it \
stays as it was. It is the short form of stock_position, which says what counts."""
key = ["connector", "item_code", "day"]
not_null = ["incoming"]

[references]
stock_position = { connector = "connector", item_code = "item_code", day = "day" }

[columns]
connector = ["VARCHAR", "The App4Sales Platform connection that the row belongs to."]
item_code = ["VARCHAR", "The item."]
day = ["DATE", "The first day of this projection."]
incoming = ["DECIMAL(38,4)", "The expected deliveries of the day; on the item's first day, with all earlier ones."]
projected = ["DECIMAL(38,4)", "The projected stock from the day on; negative if it is short."]
*/
SELECT connector, item_code, day, incoming, projected FROM stock_position
