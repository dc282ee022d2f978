"""What a site adds: tables from `reference/*.csv` and `.parquet`, views from `models/*.sql`.

`bring_in` loads what changed since the last time; a faulty file is reported and left out, and does not affect
others. The table `site_files` has the result for each.
"""

from a4s_pipeline.warehouse.site.loading import SiteFolders, bring_in, is_loaded, problems_in

__all__ = ["SiteFolders", "bring_in", "is_loaded", "problems_in"]
