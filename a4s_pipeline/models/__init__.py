"""The analysts' SQL: one file a model, with what it and each of its columns mean, its key and its tests.

A model is a view in the store and in its published copy. `models_by` reads them all, each after those it is
built upon; `warehouse.views` makes views of them. This room knows no store and imports nothing of the rest.
"""

from a4s_pipeline.models.conventions import DEFAULT_ZONE, Conventions
from a4s_pipeline.models.reading import Model, ModelColumn, Reference, models_by

__all__ = ["DEFAULT_ZONE", "Conventions", "Model", "ModelColumn", "Reference", "models_by"]
