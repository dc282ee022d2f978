"""Exports tables and models for other tools: Parquet, CSV or Excel; all files or none."""

from a4s_pipeline.exporting.export import Export, Exported, export_files

__all__ = ["Export", "Exported", "export_files"]
