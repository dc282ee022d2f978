"""Base images if none can be pulled: Debian by debootstrap, under the requested names.

Each does what the files in deploy/ need of the real one, and no more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cluster.containers.docker import Docker, NotHereError

_DEBIAN = "a4s-stand-in/debian"
_RELEASE = "trixie"
# What this machine trusts, the images do: a registry may be reached through a company's own authority.
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_INSTALL = "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends {} && apt-get clean\n"

_PYTHON = (
    f"FROM {_DEBIAN}\n"
    + _INSTALL.format("python3 python3-venv python3-pip")
    + f"COPY authorities.crt {_AUTHORITIES}\nENV PIP_CERT={_AUTHORITIES}\n"
)
_POSTGRESQL = (
    f"FROM {_DEBIAN}\n"
    + _INSTALL.format("postgresql-17 gosu")
    + """\
ENV PATH=/usr/lib/postgresql/17/bin:$PATH PGDATA=/var/lib/postgresql/data
RUN rm -rf /var/lib/postgresql/* && mkdir -p $PGDATA /docker-entrypoint-initdb.d
COPY entrypoint.sh /entrypoint.sh
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["sh", "/entrypoint.sh"]
"""
)
# Like the real one: the first time, a server that answers at its socket alone runs what is in the folder.
_POSTGRESQL_ENTRYPOINT = """\
set -eu
mkdir -p /var/run/postgresql
chown -R postgres: "$PGDATA" /var/run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  (umask 077; printf '%s' "$POSTGRES_PASSWORD" > /tmp/password; chown postgres: /tmp/password)
  gosu postgres initdb -U postgres --pwfile=/tmp/password -E UTF8 --auth-local=trust --auth-host=scram-sha-256
  rm /tmp/password
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  gosu postgres pg_ctl -o "-c listen_addresses=''" -w start
  for script in /docker-entrypoint-initdb.d/*.sh; do gosu postgres sh "$script"; done
  gosu postgres pg_ctl -m fast -w stop
fi
exec gosu postgres "$@"
"""
_REDIS = (
    f"FROM {_DEBIAN}\n"
    + _INSTALL.format("redis-server")
    + """\
RUN mkdir -p /data && chown redis: /data
COPY entrypoint.sh /entrypoint.sh
WORKDIR /data
VOLUME /data
USER redis
ENTRYPOINT ["sh", "/entrypoint.sh"]
"""
)
_REDIS_ENTRYPOINT = 'exec "$@" --protected-mode no\n'

_STAND_INS = {
    "python:3.13-slim": (_PYTHON, ""),
    "postgres:17": (_POSTGRESQL, _POSTGRESQL_ENTRYPOINT),
    "redis:7": (_REDIS, _REDIS_ENTRYPOINT),
}


def base_images(client: Docker, folder: Path) -> list[str]:
    """Ensure that the images deploy/ needs exist; return those that were made here."""
    made = []
    for name, (dockerfile, entrypoint) in _STAND_INS.items():
        if client.succeeds("image", "inspect", name) or client.succeeds("pull", "--quiet", name):
            continue
        _make_debian(client, folder)
        context = folder / "stand-in"
        context.mkdir(parents=True, exist_ok=True)
        (context / "Dockerfile").write_text(dockerfile, encoding="utf-8")
        (context / "entrypoint.sh").write_text(entrypoint, encoding="utf-8")
        shutil.copy2(_AUTHORITIES, context / "authorities.crt")
        client("build", "--quiet", "--tag", name, str(context))
        made.append(name)
    return made


def _make_debian(client: Docker, folder: Path) -> None:
    if client.succeeds("image", "inspect", _DEBIAN):
        return
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise NotHereError(
            "no base images can be pulled, and none can be made: apt-get install debootstrap, as root"
        )
    root = folder / "debian"
    shutil.rmtree(root, ignore_errors=True)
    _run("debootstrap", "--variant=minbase", "--include=ca-certificates", _RELEASE, str(root))
    shutil.copy2("/etc/resolv.conf", root / "etc" / "resolv.conf")
    packed = folder / "debian.tar"
    _run("tar", "-C", str(root), "--exclude=./proc/*", "--exclude=./sys/*", "-cf", str(packed), ".")
    client("import", str(packed), _DEBIAN)
    shutil.rmtree(root)
    packed.unlink()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own words, and no shell
    if done.returncode != 0:
        raise NotHereError(
            f"{command[0]} failed: {(done.stderr or done.stdout).decode(errors='replace')[-500:]}"
        )
