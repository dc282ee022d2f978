"""Reading and writing the rows of the tables, each batch in one transaction."""
