-- Beside Dagster's own, which the image makes: the catalog of the lake.
CREATE DATABASE lake;
