"""What a site adds: tables from `reference/*.csv` and `.parquet`, views from `models/*.sql`.

`bring_in` loads what changed since it was last loaded; a file that cannot be used is told and left out, and
keeps no other from being loaded. `site_files` says what became of each.
"""

from a4s_pipeline.warehouse.site.loading import SiteFolders, bring_in, is_loaded, problems_in

__all__ = ["SiteFolders", "bring_in", "is_loaded", "problems_in"]
