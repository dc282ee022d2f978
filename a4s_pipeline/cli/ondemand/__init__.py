"""The commands that ask or send one thing: stock, orders, an export, a customer."""
