"""Personal data of customers in the store: how it is removed and kept out.

`personal` names the columns, `forgetting` removes what is stored, `incoming` blanks what a sync writes.
"""
