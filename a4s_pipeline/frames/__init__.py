"""Returns every table and model as a pandas frame, for notebooks.

    from a4s_pipeline import frames

    frames.sales_lines(connector="demo", since="2026-01-01")
    frames.orders(decimals="float")

There is a function for each relation of the data dictionary, such as `orders`, `sales_lines` or `dim_item`;
`frames.names()` lists them. Each takes

- `connector`: its rows alone, by default those of all;
- `since`: a local day (`date`, or a text such as `2026-01-01`) or an aware `datetime`: rows of that day or
  later; where a relation has no day, rows written since;
- `decimals`: `"decimal"` for exact `Decimal` objects, or `"float"`, which is faster and not exact;
- `settings`: where the copy or the lake is, by default what the environment and `.env` say.

Instants are aware, in the time zone of the settings; days are `datetime64`; whole numbers and flags are
nullable; texts of few values are categories. Without a copy it raises `NotPublished`.
"""

from a4s_pipeline.frames.reading import Reader, names, reader_of

__all__ = ["Reader", "names"]


def __getattr__(name: str) -> Reader:
    if name.startswith("_"):
        raise AttributeError(name)
    return reader_of(name)


def __dir__() -> list[str]:
    return [*__all__, *names()]
