"""What both engines promise to the rooms above: every test runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import gc
import threading

import pytest

from registry.errors import ConflictError, UnavailableError
from registry.store import Store
from registry.store.engine import expand, named_to_format
from tests.store.things import A, B, C, put, things

# transactions


def test_what_writing_wrote_is_there_afterwards(table: Store) -> None:
    with table.writing():
        put(table, A)
    assert things(table) == [A]


def test_an_exception_takes_everything_back(table: Store) -> None:
    with pytest.raises(KeyError), table.writing():
        put(table, A)
        raise KeyError("stop")
    assert things(table) == []
    with table.writing():
        put(table, B)
    assert things(table) == [B]


def test_leaving_early_commits(table: Store) -> None:
    def early() -> str:
        with table.writing():
            put(table, A)
            return "left"

    assert early() == "left"
    assert things(table) == [A]


@pytest.mark.parametrize("outer", ["writing", "reading"])
@pytest.mark.parametrize("inner", ["writing", "reading"])
def test_transactions_never_nest(table: Store, outer: str, inner: str) -> None:
    with pytest.raises(RuntimeError, match="nest"), getattr(table, outer)(), getattr(table, inner)():
        pass
    with table.writing():
        put(table, A)
    assert things(table) == [A]


def test_a_transaction_of_another_thread_is_no_nesting(table: Store) -> None:
    seen: list[list[bytes]] = []
    with table.writing():
        put(table, A)
        reader = threading.Thread(target=lambda: seen.append(things(table)))
        reader.start()
        reader.join()
    assert seen == [[]], "a reader saw what was not committed"


@pytest.mark.parametrize("what", ["run", "run_many", "rows", "row", "script"])
def test_a_change_outside_writing_is_refused(table: Store, what: str) -> None:
    sql = "INSERT INTO thing (thing, count) VALUES (:thing, 1)"
    calls = {
        "run": lambda: table.engine.run(sql, thing=A),
        "run_many": lambda: table.engine.run_many(sql, [{"thing": A}]),
        "rows": lambda: table.engine.rows(sql + " RETURNING thing", thing=A),
        "row": lambda: table.engine.row(sql + " RETURNING thing", thing=A),
        "script": lambda: table.engine.script(["CREATE TABLE other (a INTEGER)"]),
    }
    with pytest.raises(RuntimeError, match="outside writing"):
        calls[what]()
    with pytest.raises(RuntimeError, match="outside writing"), table.reading():
        calls[what]()
    assert things(table) == []


def test_reading_sees_one_state_while_others_write(table: Store) -> None:
    def write() -> None:
        with table.writing():
            put(table, B)

    with table.writing():
        put(table, A)
    with table.reading():
        before = things(table)
        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
        assert things(table) == before == [A]
    assert things(table) == [B, A]


# values


def test_types_come_back_as_they_went_in(table: Store) -> None:
    values: list[tuple[bytes, int, float | None, str | None]] = [
        (A, 0, 1.5, "谢绝来电 😀 ' \" % :name"),
        (B, -(2**63), None, None),
        (C, 2**63 - 1, -0.1, ""),
        (b"", 1, 1e300, "%s %(x)s"),
    ]
    with table.writing():
        for row in values:
            put(table, *row)
    for thing, count, share, word in values:
        found = table.engine.row("SELECT * FROM thing WHERE thing = :thing", thing=thing)
        assert found == {"thing": thing, "count": count, "share": share, "word": word}
        assert type(found["thing"]) is bytes


def test_sums_and_averages_are_plain_numbers(table: Store) -> None:
    with table.writing():
        put(table, A, 3)
        put(table, B, 4)
    row = table.engine.row("SELECT SUM(count) AS total, AVG(count) AS mean, COUNT(*) AS rows FROM thing")
    assert row == {"total": 7, "mean": 3.5, "rows": 2}
    assert isinstance(row["total"], int)
    assert isinstance(row["mean"], float)


def test_a_value_of_the_wrong_type_is_not_taken(table: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)type|TEXT|invalid|operator"), table.writing():
        put(table, A, "many")  # type: ignore[arg-type]
    assert things(table) == []


def test_a_tuple_stands_for_a_list(table: Store) -> None:
    with table.writing():
        for thing in (A, B, C):
            put(table, thing)
    sql = "SELECT thing FROM thing WHERE thing IN :some AND count < :most ORDER BY thing"
    for some in ((), (A,), (A, C), (*(i.to_bytes(16, "big") for i in range(1000)), A)):
        found = [row["thing"] for row in table.engine.rows(sql, some=some, most=9)]
        assert found == sorted({A, B, C} & set(some))


def test_a_list_in_a_change_counts_what_it_touched(table: Store) -> None:
    with table.writing():
        for thing in (A, B, C):
            put(table, thing)
        assert table.engine.run("DELETE FROM thing WHERE thing IN :some", some=(A, B, b"none")) == 2
        assert table.engine.run("DELETE FROM thing WHERE thing IN :some", some=()) == 0
    assert things(table) == [C]


def test_names_that_start_alike_are_not_mixed_up() -> None:
    given = {"some": (1, 2), "something": 3, "some_0x": 4}
    sql, values = expand("a IN :some AND b = :something AND c = :some_0x", given)
    assert sql == "a IN (:some_0, :some_1) AND b = :something AND c = :some_0x"
    assert values == {"some_0": 1, "some_1": 2, "something": 3, "some_0x": 4}


def test_casts_and_percents_survive_translation() -> None:
    assert named_to_format("SELECT a::text, '5%' WHERE b = :b") == "SELECT a::text, '5%%' WHERE b = %(b)s"


def test_many_rows_go_in_at_once_or_not_at_all(table: Store) -> None:
    sql = "INSERT INTO thing (thing, count) VALUES (:thing, :count)"
    with table.writing():
        assert table.engine.run_many(sql, ({"thing": bytes([i]), "count": i} for i in range(200))) == 200
        assert table.engine.run_many(sql, []) == 0
    with pytest.raises(ConflictError), table.writing():
        table.engine.run_many(sql, [{"thing": A, "count": 1}, {"thing": bytes([7]), "count": 1}])
    assert len(things(table)) == 200


def test_returning_gives_what_was_written(table: Store) -> None:
    sql = """INSERT INTO thing (thing, count) VALUES (:thing, 1)
        ON CONFLICT (thing) DO UPDATE SET count = thing.count + 1 RETURNING count"""
    with table.writing():
        assert [table.engine.row(sql, thing=A) for _ in range(3)] == [{"count": 1}, {"count": 2}, {"count": 3}]


def test_a_query_without_rows_gives_an_empty_list_and_none(table: Store) -> None:
    assert table.engine.rows("SELECT * FROM thing") == []
    assert table.engine.row("SELECT * FROM thing") is None


# errors


def test_a_key_that_exists_is_a_conflict_that_names_no_value(table: Store) -> None:
    with table.writing():
        put(table, A)
    with pytest.raises(ConflictError) as caught, table.writing():
        put(table, B)
        put(table, A)
    assert caught.value.code == "already_there"
    assert A.hex() not in str(caught.value)
    assert things(table) == [A]


def test_our_own_mistakes_are_not_dressed_up_as_outages(table: Store) -> None:
    for sql in ("SELECT nothing FROM nowhere", "SELEC", "INSERT INTO thing (thing) VALUES (:thing)"):
        with pytest.raises(Exception, match=r".") as caught, table.writing():
            table.engine.run(sql, thing=A)
        assert not isinstance(caught.value, (UnavailableError, ConflictError))
    with table.writing():
        put(table, A)
    assert things(table) == [A]


# streaming


@pytest.fixture
def full_table(table: Store) -> Store:
    with table.writing():
        table.engine.run_many(
            "INSERT INTO thing (thing, count) VALUES (:thing, :count)",
            ({"thing": i.to_bytes(2, "big"), "count": i} for i in range(1000)),
        )
    return table


STREAM = "SELECT count FROM thing WHERE count >= :least ORDER BY count"


def test_a_stream_comes_in_chunks_of_tuples(full_table: Store) -> None:
    chunks = list(full_table.engine.stream(STREAM, chunk=300, least=10))
    assert [len(chunk) for chunk in chunks] == [300, 300, 300, 90]
    assert [row for chunk in chunks for row in chunk] == [(i,) for i in range(10, 1000)]


def test_a_stream_sees_one_state_while_its_own_thread_writes(full_table: Store) -> None:
    count = 0
    for chunk in full_table.engine.stream(STREAM, chunk=100, least=0):
        count += len(chunk)
        with full_table.writing():
            full_table.engine.run("DELETE FROM thing WHERE count >= :least", least=500)
    assert count == 1000
    assert len(things(full_table)) == 500


def test_two_streams_run_side_by_side(full_table: Store) -> None:
    first = full_table.engine.stream(STREAM, chunk=100, least=0)
    second = full_table.engine.stream(STREAM, chunk=100, least=500)
    pairs = [(a[0], b[0]) for a, b in zip(first, second)]
    assert pairs == [((i * 100,), (500 + i * 100,)) for i in range(5)]
    first.close()  # type: ignore[attr-defined]


def test_a_stream_inside_a_transaction_sees_it_and_breaking_off_harms_nothing(full_table: Store) -> None:
    with full_table.writing():
        full_table.engine.run("DELETE FROM thing WHERE count < :below", below=900)
        for chunk in full_table.engine.stream(STREAM, chunk=10, least=0):
            assert chunk[0] == (900,)
            put(full_table, A, 5000)
            break
    assert len(things(full_table)) == 101


def test_a_stream_that_is_dropped_holds_nothing_open(full_table: Store) -> None:
    stream = full_table.engine.stream(STREAM, chunk=10, least=0)
    next(stream)
    del stream
    gc.collect()
    with full_table.writing():
        full_table.engine.script(["DROP TABLE thing"])
