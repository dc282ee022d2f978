"""The analysts' SQL: one file per model, with descriptions of it and its columns, its key and its tests.

A model is a view in the store and in its published copy. `models_by` reads them all, each after those it is
built upon; `warehouse.views` makes views of them. This room knows no store and imports no other room.
"""

from a4s_pipeline.models.conventions import DEFAULT_ZONE, Conventions
from a4s_pipeline.models.reading import Model, ModelColumn, Reference, models_by

__all__ = ["DEFAULT_ZONE", "Conventions", "Model", "ModelColumn", "Reference", "models_by"]
