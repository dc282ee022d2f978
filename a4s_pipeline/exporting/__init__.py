"""Tables and models as files for other tools: Parquet, CSV or Excel, all of them or none."""

from a4s_pipeline.exporting.export import Export, Exported, export_files

__all__ = ["Export", "Exported", "export_files"]
