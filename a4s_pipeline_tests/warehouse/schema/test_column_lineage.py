import pytest

from a4s_pipeline.models import Conventions, models_by
from a4s_pipeline.warehouse.schema.column_lineage import column_lineage
from a4s_pipeline.warehouse.tables import REFERENCE_TABLES, TABLES
from a4s_pipeline_tests.warehouse.schema.lineage_by_library import is_of_these_queries, lineage_by_library


def test_the_lineage_is_of_the_models_as_they_are_and_names_columns_that_there_are() -> None:
    """To mend it: `python -m a4s_pipeline_tests.warehouse.schema.lineage_by_library`."""
    assert is_of_these_queries()
    models, lineage = models_by(Conventions()), column_lineage(Conventions())
    columns = {table.name: set(table.column_names) for table in (*TABLES, *REFERENCE_TABLES)}
    columns |= {model.name: {column.name for column in model.columns} for model in models}
    columns["holidays"] = {"country", "day", "name"}
    for model in models:
        assert list(lineage[model.name]) == [column.name for column in model.columns]
        for column, origins in lineage[model.name].items():
            for relation, origin in origins:
                assert relation in model.upstream, (model.name, column)
                assert origin in columns[relation], (model.name, column)


@pytest.mark.nightly
def test_the_lineage_is_the_librarys() -> None:
    known = {
        model: {column: [list(origin) for origin in origins] for column, origins in of.items()}
        for model, of in column_lineage(Conventions()).items()
    }
    assert known == lineage_by_library()
