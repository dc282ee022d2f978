#!/bin/sh
# PostgreSQL's image runs this once, on an empty volume: the role that all processes go by, and its two databases,
# Dagster's own and the catalog of the lake.
set -eu
psql --set ON_ERROR_STOP=1 --username postgres --dbname postgres --set password="$PIPELINE_PASSWORD" <<'SQL'
CREATE ROLE a4s LOGIN PASSWORD :'password';
CREATE DATABASE dagster OWNER a4s;
CREATE DATABASE lake OWNER a4s;
SQL
