"""What the store holds of a customer as a person, and how it is removed and kept out.

`personal` names the columns, `forgetting` removes what is stored, `incoming` blanks what a sync writes.
"""
