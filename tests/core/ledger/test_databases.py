"""Opening, upgrading, moving and exporting a ledger, and what is said when it cannot be used."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from gaia_budget import places
from gaia_budget.budgets import Budgets
from gaia_budget.errors import GaiaBudgetError, InputError, LedgerError
from gaia_budget.ledger import Bookmark, Ledger, rows
from gaia_budget.ledger.database.connection import Database
from gaia_budget.ledger.database.migrations import MIGRATIONS, Migration, migrate
from gaia_budget.ledger.database.schema import OF_AN_ORGANISATION, TABLES
from gaia_budget.ledger.database.url import parse_url
from gaia_budget.ledger.rebuild import check_zone, move
from gaia_budget.ledger.verify import verify
from gaia_budget.reports.money.export import events, write_csv
from gaia_budget.settings.keys import Settings
from support.components import requires
from support.events import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaia_budget.ledger.database.connection import Ask
    from support.postgres import Server

UTC = {"timezone": "UTC"}


class Built(NamedTuple):
    """A table as the database has it: (name, whether it is a number, whether it may be NULL) of its columns, ..."""

    columns: list[tuple[str, bool, bool]]
    key: tuple[str, ...]
    indexes: dict[str, tuple[str, ...]]
    unique: list[tuple[str, ...]]
    statement: str = ""


def tables(ledger: Ledger) -> dict[str, Built]:
    """What the database says of its own tables."""
    return ledger.db.ask(_shared if ledger.db.shared else _embedded)


def _embedded(ask: Ask) -> dict[str, Built]:
    found = {}
    for table, statement in ask(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", ()
    ):
        info = ask('SELECT name, type, "notnull", pk FROM pragma_table_info(?)', (table,))
        listed = ask('SELECT name, "unique", origin FROM pragma_index_list(?)', (table,))
        parts = {
            name: tuple(
                one for (one,) in ask("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (name,))
            )
            for name, *_ in listed
        }
        found[table] = Built(
            [(name, kind in ("INTEGER", "BIGINT"), not required) for name, kind, required, _ in info],
            tuple(name for name, _, _, place in sorted(info, key=lambda row: row[3]) if place),
            {name: parts[name] for name, _, origin in listed if origin == "c"},
            [parts[name] for name, unique, _ in listed if unique],
            " ".join(statement.split()),
        )
    return found


def _shared(ask: Ask) -> dict[str, Built]:
    found = {}
    for (table,) in ask("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()", ()):
        info = ask(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position",
            (table,),
        )
        listed = ask(
            "SELECT c.relname, i.indisunique, i.indisprimary, ARRAY(SELECT a.attname FROM unnest(i.indkey) "
            "WITH ORDINALITY AS k(number, place) JOIN pg_attribute AS a ON a.attrelid = i.indrelid "
            "AND a.attnum = k.number ORDER BY k.place)::text[] FROM pg_index AS i JOIN pg_class AS c ON c.oid = "
            "i.indexrelid WHERE i.indrelid = CAST(? AS regclass)",
            (table,),
        )
        found[table] = Built(
            [(name, kind == "bigint", nullable == "YES") for name, kind, nullable in info],
            next((tuple(parts) for _, _, primary, parts in listed if primary), ()),
            {name: tuple(parts) for name, _, primary, parts in listed if not primary},
            [tuple(parts) for _, unique, _, parts in listed if unique],
        )
    return found


def test_the_migrations_build_the_tables_that_the_schema_describes(ledger: Ledger) -> None:
    there = tables(ledger)
    assert {name for name in there if not name.startswith("staged_")} == {table.name for table in TABLES}
    for table in TABLES:
        built = there[table.name]
        assert list(built.columns) == [
            (column.name, column.number, column.nullable) for column in table.columns
        ]
        assert built.key == table.key
        assert built.indexes == {index.name: index.columns for index in table.indexes}
        if not ledger.db.shared:  # the same statements make the tables on PostgreSQL, which words them anew
            assert all(f"CHECK ({rule})" in built.statement for rule in table.checks), table.name
            assert built.statement.count("CHECK (") == len(table.checks)


FROZEN = {
    "1 sqlite": "168a5bea7c91193f",
    "1 postgresql": "e7705bf3d2836ff3",
    "2 sqlite": "4fe8b5c1a224981e",
    "2 postgresql": "7c80fb5996c5c71b",
    "3 sqlite": "e3b0c44298fc1c14",
    "3 postgresql": "561e789c70193417",
    "4 sqlite": "038492bfca78c2cb",
    "4 postgresql": "452c415e653e1131",
    "5 sqlite": "87efbb7f44e28847",
    "5 postgresql": "87efbb7f44e28847",
    "6 sqlite": "02d57ca507b695aa",
    "6 postgresql": "a1778e62c61710c1",
    "7 sqlite": "6436af789556a538",
    "7 postgresql": "6436af789556a538",
    "8 sqlite": "a18f653abe47a21f",
    "8 postgresql": "b128c52803f05c4f",
}


def test_a_migration_that_was_applied_somewhere_is_never_edited() -> None:
    """A change is a new migration. Its digest is added here, and none is ever changed."""
    found = {
        f"{number} {dialect}": hashlib.sha256("\n".join(one.statements(dialect)).encode()).hexdigest()[:16]
        for number, one in enumerate(MIGRATIONS, start=1)
        for dialect in ("sqlite", "postgresql")
    }
    assert found == FROZEN


def test_every_key_starts_with_the_organisation_so_that_a_cluster_can_distribute_by_it(
    ledger: Ledger,
) -> None:
    found = tables(ledger)
    for table in OF_AN_ORGANISATION:
        assert all(key[0] == "org" for key in (found[table.name].key, *found[table.name].unique)), table.name
    assert '"org" =' not in rows.UPDATE


def test_the_page_on_clusters_distributes_every_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "postgresql.md").read_text(encoding="utf-8")
    named = set(re.findall(r"create_distributed_table\('(\w+)', 'org'", page))
    assert named == {table.name for table in OF_AN_ORGANISATION}


def test_an_upgrade_backs_the_file_up_first_and_keeps_every_row(
    make: Callable[..., Ledger], tmp_path: Path
) -> None:
    ledger = make()
    ledger.record([event("a", cost_nano=3)])
    later = Migration(
        "a later table", lambda _: ["CREATE TABLE later (org TEXT NOT NULL, PRIMARY KEY (org))"]
    )

    migrate(ledger.db, tmp_path / "backups", (*MIGRATIONS, later))

    assert ledger.spend(()).total.cost_nano == 3
    if ledger.db.shared:
        assert not (tmp_path / "backups").exists()
        return
    [copy] = (tmp_path / "backups").iterdir()
    with sqlite3.connect(copy) as saved:
        assert saved.execute("SELECT cost_nano FROM events").fetchall() == [(3,)]
    saved.close()


def test_an_upgrade_that_fails_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    broken = Migration("broken", lambda _: ["CREATE TABLE half (org TEXT)", "CREATE TABLE half (org TEXT)"])

    with pytest.raises(LedgerError):
        migrate(ledger.db, tmp_path / "backups", (*MIGRATIONS, broken))

    assert "half" not in tables(ledger)
    ledger.record([event("a")])


def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(make: Callable[..., Ledger]) -> None:
    make().db.write(lambda tx: tx.text("INSERT INTO migrations VALUES (99, 'the future', 1)") and None)

    with pytest.raises(LedgerError, match="newer version"):
        make()


def test_the_default_ledger_is_private_and_in_the_state_folder() -> None:
    with Ledger.open(settings=Settings()) as ledger:
        ledger.record([event("a")])
    file = places.home() / "ledger.db"
    assert file.is_file()
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_change_of_time_zone_sums_days_and_months_anew(make: Callable[..., Ledger], url: str) -> None:
    first = make(timezone="UTC")
    first.record([event("a", "2026-11-30T23:30", cost_nano=5), event("b", "2026-11-23T12:00", cost_nano=7)])
    if first.db.shared:
        with pytest.raises(InputError, match="UTC"):
            make(timezone="Asia/Kolkata")
        return

    moved = make(timezone="Asia/Kolkata")

    assert [(row.key, row.figures.cost_nano) for row in moved.spend(("month",)).rows] == [
        (("2026-11",), 7),
        (("2026-12",), 5),
    ]
    assert (
        Budgets(moved).month("jseeker", "2026-12-01").app_nano,
        Budgets(moved).month("jseeker", "2026-11").app_nano,
    ) == (
        5,
        7,
    )
    assert verify(moved) == []


@requires("postgresql")
def test_a_ledger_moves_to_a_shared_database_row_by_row(server: Server, tmp_path: Path) -> None:
    settings = Settings().but(**UTC, machine="laptop")
    url = server.create("moved")
    with Ledger.open(f"sqlite:///{(tmp_path / 'a.db').as_posix()}", settings=settings) as old:
        old.record(
            [
                event(f"m{number}", cost_nano=number, branch="a\0b", session_id="s\0"[: 1 + number % 2])
                for number in range(6000)
            ],
            bookmarks={"/home/me/t.jsonl": Bookmark(4, "{}")},
        )
        Budgets(old).reserve([Budgets(old).module_scope("jseeker", 10**12)], 5, call_id="c")
        old.record_outcome("jd_parse", "claude-haiku-4-5", True)
        with Ledger.open(url, settings=settings) as new:
            counts = move(old, new)

            assert counts["events"] == 6000
            assert new.spend(("day", "branch")).total == old.spend(("day", "branch")).total
            assert new.bookmark("/home/me/t.jsonl") == Bookmark(4, "{}")
            assert [outcome.model for outcome in new.outcomes("jd_parse")] == ["claude-haiku-4-5"]
            assert new.spend((), session="s").total.events == 6000
            assert verify(new) == []
            Budgets(new).settle("c", 5)
            with pytest.raises(InputError, match="already holds data"):
                move(old, new)


def test_a_move_to_a_shared_database_needs_a_named_zone(make: Callable[..., Ledger]) -> None:
    ledger = make(timezone="UTC")
    check_zone(ledger, "postgresql://host/db", Settings().but(**UTC))
    if not ledger.db.shared:
        kolkata = make(timezone="Asia/Kolkata")
        with pytest.raises(InputError, match="named time zone"):
            check_zone(kolkata, "postgresql://host/db", Settings().but(timezone=""))
    with pytest.raises(InputError, match="already there"):
        move(ledger, ledger)


def test_a_csv_export_has_exact_dollars_and_runs_no_formula(ledger: Ledger) -> None:
    ledger.record([event("a", cost_nano=1_234_567_891, branch="=HYPERLINK(1)"), event("b", cost_nano=None)])
    out = io.StringIO()

    assert write_csv(events(ledger), out) == 2

    head, first, second = out.getvalue().splitlines()
    assert head.split(",")[:3] == ["timestamp", "event_id", "kind"]
    assert first.endswith(",1234567891,1.234567891")
    assert ",'=HYPERLINK(1)," in first
    assert second.endswith(",,")


def test_jseekers_own_sql_runs_on_the_api_costs_view(ledger: Ledger) -> None:
    ledger.record(
        [event("a", cost_nano=1_500_000_000, cache_read_tokens=7, task="jd_parse"), event("b", module="via")]
    )
    question = (
        "SELECT SUM(cost_usd), COUNT(*), MIN(cache_tokens) FROM api_costs WHERE timestamp >= '2026-11-01'"
    )
    total, count, cached = ledger.db.ask(lambda ask: ask(question, ())[0])
    assert (float(total), count, cached) == (1.5, 1, 7)


def test_every_error_of_a_database_is_one_of_ours(tmp_path: Path) -> None:
    db = Database(parse_url(f"sqlite:///{(tmp_path / 'x.db').as_posix()}"))
    with pytest.raises(GaiaBudgetError):
        db.write(lambda tx: tx.text("SELECT nonsense FROM nowhere"))
    db.close()


def test_an_older_ledger_learns_which_of_its_rows_are_parts_of_a_response(
    url: str, make: Callable[..., Ledger], tmp_path: Path
) -> None:
    """Before the eighth migration a part counted as a response; its money stays as it was."""
    old = Database(parse_url(url))
    migrate(old, tmp_path, MIGRATIONS[:7])
    insert = (
        "INSERT INTO events (org, event_id, ts, kind, source, billing, module, model, cost_nano) "
        "VALUES ('default', ?, 1795435200000000, 'response', ?, 'api', 'via', ?, 7)"
    )
    facts = [
        ("msg_a", "claude_code", "opus"),
        ("msg_a+fable", "claude_code", "fable"),
        ("a+b", "claude_code", "opus"),
        ("id+gpt", "app", "gpt"),
    ]
    old.write(lambda tx: tx.many(insert, facts))
    zone = "INSERT INTO orgs (org, zone, zone_offsets) VALUES ('default', 'UTC', 'as it was')"
    old.write(lambda tx: tx.text(zone) and None)
    old.close()

    ledger = make()

    total = ledger.spend(("day",)).total
    assert (total.events, total.responses, total.cost_nano) == (4, 3, 28)
    assert ledger.db.ask(lambda ask: list(ask("SELECT event_id, part_of FROM events WHERE part_of <> ''", ()))) == [
        ("msg_a+fable", "msg_a")
    ]  # fmt: skip
    assert verify(ledger) == []
