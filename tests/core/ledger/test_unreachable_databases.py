"""What is said of a database that cannot be reached or is none, and that no password is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from gaia_budget.budgets import Budgets
from gaia_budget.cli.app import app
from gaia_budget.errors import InputError, LedgerError
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.database import connection
from gaia_budget.ledger.database.url import parse_url
from gaia_budget.settings.keys import Settings
from support.components import requires
from support.postgres import Server

if TYPE_CHECKING:
    from pathlib import Path

UTC = {"timezone": "UTC"}


@pytest.mark.parametrize(
    "wrong",
    [
        "ledger.db",
        "mysql://me:hunter2@host/db",
        "sqlite://",
        "postgresql://me:hunter2@host:none/db",
        "x://hunter2",
    ],
)
def test_a_wrong_url_is_refused_without_repeating_it(wrong: str) -> None:
    with pytest.raises(InputError, match="Valid") as refusal:
        Ledger.open(wrong, settings=Settings())
    assert "hunter2" not in str(refusal.value)


@requires("postgresql")
@pytest.mark.parametrize("place", ["?password=hunter2", ":hunter2@"])
def test_a_password_is_in_no_error_and_no_log(
    server: Server, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    where = f"127.0.0.1:{server.port}/absent"
    url = f"postgresql://tester@{where}{place}" if place[0] == "?" else f"postgresql://tester{place}{where}"

    with pytest.raises(LedgerError, match="no such database") as refusal:
        Ledger.open(url, settings=Settings())

    cause: BaseException | None = refusal.value
    while cause is not None:
        assert "hunter2" not in repr(cause)
        cause = cause.__cause__
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://me:hunter2@db/x", "postgresql://me@db/x"),
        ("postgres://me:hunter2@db:5433/x?sslmode=require", "postgresql://me@db:5433/x"),
        ("postgresql+psycopg://me:hun%40ter2@[::1]:1,other:2/x", "postgresql://me@[::1]:1,other:2/x"),
        ("postgresql://me@db/x?password=hunter2&sslpassword=hunter2", "postgresql://me@db/x"),
        ("postgresql://me:hun@ter2@db/x", "postgresql://me@db/x"),
        ("postgresql:///x?host=/run/db&password=hunter2", "postgresql:///x"),
        ("sqlite:////var/a b%20.db", "sqlite:////var/a b%20.db"),
    ],
)
def test_the_name_of_a_database_is_its_url_without_a_password(url: str, name: str) -> None:
    assert parse_url(url).name == name


@pytest.mark.parametrize(
    "unclear",
    ["me:12/34@db/x", "me:hun/ter2@db/x", "me:12?34@db/x", "me:hun?ter2@db/x", "me@db:1x/y", "me@[::1/x"],
)
def test_a_url_whose_password_could_be_taken_for_another_part_is_refused(unclear: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as refusal:
        parse_url(f"postgresql://{unclear}")
    assert not any(part in str(refusal.value) for part in ("hun", "ter2", "34", "12"))


@requires("postgresql")
def test_a_call_does_not_wait_for_a_server_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test's own: how long it would have waited, and that a settled call is told as well."""
    from gaia_budget.budgets.budgets import GONE_SECONDS

    server = Server()
    try:
        with Ledger.open(server.create("gone"), settings=Settings().but(**UTC)) as ledger:
            budgets = Budgets(ledger)
            scope = budgets.module_scope("jseeker", 10**9)
            budgets.reserve([scope], 5, call_id="paid")
            server.stop()
            waited: list[float] = []
            monkeypatch.setattr(connection.time, "sleep", waited.append)
            monkeypatch.setattr(connection.time, "monotonic", lambda: sum(waited))
            for call in (
                lambda: budgets.reserve([scope], 5, call_id="next"),
                lambda: budgets.settle("paid", 5),
            ):
                waited.clear()
                with pytest.raises(LedgerError, match="refused"):
                    call()
                assert 0 < sum(waited) <= GONE_SECONDS < 5
            monkeypatch.undo()
            server.start()
            budgets.settle("paid", 5)
            assert budgets.month("jseeker").assumed_nano == 5
    finally:
        server.remove()


@requires("postgresql")
@pytest.mark.parametrize(
    ("user", "database", "slug", "cure"),
    [
        ("tester", "nosuch", "ledger-no-database", "createdb"),
        ("stranger", "postgres", "ledger-refused-user", "user or password"),
    ],
)
def test_a_server_that_lets_nobody_in_is_told_with_the_cure(
    user: str, database: str, slug: str, cure: str, server: Server
) -> None:
    with pytest.raises(LedgerError, match=cure) as told:
        Ledger.open(f"postgresql://{user}@127.0.0.1:{server.port}/{database}", settings=Settings())
    assert told.value.slug == slug


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(LedgerError, match="refused"):
        Ledger.open("postgresql://me@127.0.0.1:1/db", settings=Settings())


def test_a_file_that_is_no_ledger_is_told_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_bytes(b"these are my notes, not a database at all" * 50)

    with pytest.raises(LedgerError, match="damaged or is no ledger"):
        Ledger.open(f"sqlite:///{file.as_posix()}", settings=Settings())

    assert file.read_bytes().startswith(b"these are my notes")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="folder must exist"):
        Ledger.open(f"sqlite:///{(tmp_path / 'absent' / 'ledger.db').as_posix()}", settings=Settings())


@pytest.mark.parametrize("place", ["me:{}@127.0.0.1:1/x", "me@127.0.0.1:1/x?password={}", "me:{}@[::1]:1/x"])
@pytest.mark.parametrize("words", [("settings",), ("settings", "--json"), ("verify",), ("spend", "--json")])
def test_no_form_of_a_password_is_in_what_a_command_prints(
    place: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = "hun%2Fter%402%2541"
    monkeypatch.setenv("GAIA_BUDGET_DB", f"postgresql://{place.format(typed)}")
    done = CliRunner().invoke(app, list(words))
    said = done.output + repr(done.exception)
    assert "me@" in said, "the database is named"
    assert not any(form in said for form in (typed, unquote(typed), "hun", "ter@2"))
