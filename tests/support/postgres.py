"""A real PostgreSQL server for tests, on loopback or a socket of its own, gone when the tests end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from support.components import path

OPTIONS = "-c fsync=off -c synchronous_commit=on -c max_connections=200 -c unix_socket_directories={folder}"


class Server:
    """A server in a folder of its own; it can be stopped and started again, or killed."""

    def __init__(self) -> None:
        self.programs = _programs()
        self.folder = Path(tempfile.mkdtemp(prefix="gaia-pg-", dir="/tmp" if Path("/tmp").is_dir() else None))
        self.port = _free_port()
        self._run("initdb", "-A", "trust", "-U", "tester", "-E", "UTF8", "-D", str(self.data))
        self.start()

    @property
    def data(self) -> Path:
        """The cluster's data folder."""
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        """A URL of one of its databases."""
        return f"postgresql://tester@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        listening = f"-c listen_addresses=127.0.0.1 -p {self.port} " + OPTIONS.format(folder=self.folder)
        self._run(
            "pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-w", "-o", listening, "start"
        )

    def stop(self) -> None:
        """Stop it at once, as a failing machine would: connections are cut, nothing committed is lost."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def create(self, database: str) -> str:
        """Make an empty database; returns its URL."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def remove(self) -> None:
        """Stop it and delete its folder."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        user = _unprivileged()
        command = [str(self.programs / program), *arguments]
        if user:
            shutil.chown(self.folder, user)
            command = ["runuser", "-u", user, "--", *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


class Standby(Server):
    """A server that follows another one and answers questions meanwhile."""

    def __init__(self, of: Server) -> None:
        self.programs = of.programs
        self.folder = Path(tempfile.mkdtemp(prefix="gaia-pg-", dir="/tmp" if Path("/tmp").is_dir() else None))
        self.port = _free_port()
        place = ("-h", "127.0.0.1", "-p", str(of.port), "-U", "tester")
        self._run("pg_basebackup", *place, "-c", "fast", "-X", "stream", "-R", "-D", str(self.data))
        self.start()


def _programs() -> Path:
    found = path("postgresql")
    if (found / "pg_ctl").exists():
        return found
    return next(found.glob("pginstall*/**/bin/pg_ctl")).parent


def _unprivileged() -> str:
    """PostgreSQL refuses to run as root; its package makes a user."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return ""
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
