#!/bin/sh
# A worker: worker.sh CELERY_YAML, and what `celery worker` takes, such as --queues on_demand --concurrency 2.
#
# It is what `dagster-celery worker start -A dagster_celery.app -y CELERY_YAML` does, except that Celery takes the
# place of this process: a TERM reaches it, and it lets the runs under way end before it stops. dagster-celery
# passes no signal on.
set -eu
settings=$(python -c 'import sys; from dagster_celery.cli import get_config_dir; print(get_config_dir(sys.argv[1]))' "$1")
shift
export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}$settings"
exec celery --app dagster_celery.app worker --loglevel INFO "$@"
