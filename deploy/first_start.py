"""Secrets of a box, made when it starts for the first time and never again.

``python deploy/first_start.py FOLDER`` makes, each with mode 0600 in a folder of its own with mode 0700:

    database/password       of PostgreSQL, for its own container (owner: DATABASE_UID)
    server/profiles.toml    Prefect's server: the database's password, and what clients must say
    client/profiles.toml    Prefect's clients: user name and password, as PREFECT_API_AUTH_STRING
    client/aws-credentials  the store, where it is the S3 server of this box
    s3/identities.json      that server's own list of who may do what

A file that is there is left alone; delete the folder to have new ones. What is made from one secret is made whole or
not at all: a start that was cut short is made good by the next, which reads what there is. Needs nothing but Python.
"""

import json
import os
import secrets
import sys
from pathlib import Path

APEX_UID = int(os.environ.get("APEX_UID", "10001"))
DATABASE_UID = int(os.environ.get("DATABASE_UID", "999"))  # postgres, in the image of that name
_USER = "apex"


def main(folder: Path) -> None:
    """Make what is missing."""
    os.umask(0o077)
    # Each secret is kept by the file it was first written to, and read from there by what else needs it.
    database = _secret(folder / "database" / "password", DATABASE_UID)
    login = _secret(folder / "server" / "login", APEX_UID)
    s3 = _secret(folder / "s3" / "secret", APEX_UID)
    auth = f"{_USER}:{login}"
    profiles = {
        "server": {"PREFECT_SERVER_DATABASE_PASSWORD": database, "PREFECT_SERVER_API_AUTH_STRING": auth},
        "client": {"PREFECT_API_AUTH_STRING": auth},
    }
    for name, values in profiles.items():
        lines = [
            f'active = "{name}"',
            "",
            f"[profiles.{name}]",
            *(f'{key} = "{value}"' for key, value in values.items()),
        ]
        _write(folder / name / "profiles.toml", "\n".join(lines) + "\n", APEX_UID)
    credentials = f"[default]\naws_access_key_id = {_USER}\naws_secret_access_key = {s3}\n"
    _write(folder / "client" / "aws-credentials", credentials, APEX_UID)
    who = {
        "name": _USER,
        "credentials": [{"accessKey": _USER, "secretKey": s3}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    _write(folder / "s3" / "identities.json", json.dumps({"identities": [who]}, indent=2) + "\n", APEX_UID)


def _secret(path: Path, owner: int) -> str:
    if not path.exists():
        _write(path, secrets.token_hex(24), owner)
    return path.read_text("ascii").strip()


def _write(path: Path, text: str, owner: int) -> None:
    """Write a file whole, unless it says so already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _give(path.parent, owner)
    if path.exists() and path.read_text("utf-8") == text:
        return
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with new.open("x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    _give(new, owner)
    new.replace(path)


def _give(path: Path, owner: int) -> None:
    """Who else but root could give a file away; on a box of one's own all are one's own."""
    if os.geteuid() == 0:
        os.chown(path, owner, owner)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
