"""Statements that are asked often: made by the ORM once, then sent again with other values.

Making one takes the ORM ten times as long as SQLite takes to answer it.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models

# What stands for a value while a statement is made: nothing else in it can be equal to one.
MARKS: dict[type, Callable[[int], Any]] = {
    int: lambda number: 8_070_605_040 + number,
    str: lambda number: f"\x02mark {number}\x03",
    datetime: lambda number: datetime(1801, 2, 3, 4, 5, number, tzinfo=UTC),
    uuid.UUID: lambda number: uuid.UUID(int=0x8070605040302010 + number),
}


class Statement:
    """A SELECT. `make` returns its QuerySet of `values_list`, from values of the named types.

    rows() returns tuples, converted as the ORM would; the same connection, transaction and counting as ever.
    """

    def __init__(self, make: Callable[..., models.QuerySet], **types: type) -> None:
        self._make, self._types = make, types
        self._made: dict[str, tuple[str, list[Any], Any, Any]] = {}

    def rows(self, **values: Any) -> list[Sequence[Any]]:
        connection = connections[DEFAULT_DB_ALIAS]
        made = self._made.get(connection.vendor)
        if made is None:
            made = self._made[connection.vendor] = self._prepare(connection)
        sql, places, compiler, converters = made
        adapted = {name: adapt(value, connection) for name, value in values.items()}
        params = [adapted[place.name] if isinstance(place, _Place) else place for place in places]
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            found = cursor.fetchall()
        if converters:
            # The compiler remembers the connection of the thread that made it; a converter needs the type alone.
            return list(compiler.apply_converters(found, converters))
        return list(found)

    def first(self, **values: Any) -> Sequence[Any] | None:
        found = self.rows(**values)
        return found[0] if found else None

    def _prepare(self, connection: Any) -> tuple[str, list[Any], Any, Any]:
        marks = {name: MARKS[kind](place) for place, (name, kind) in enumerate(self._types.items())}
        compiler = self._make(**marks).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        names = {adapt(mark, connection): name for name, mark in marks.items()}
        places = [_Place(names[value]) if _is_mark(value, names) else value for value in params]
        if missing := marks.keys() - {place.name for place in places if isinstance(place, _Place)}:
            raise ValueError(f"{', '.join(missing)} is nowhere in the statement")
        converters = compiler.get_converters([expression for expression, _, _ in compiler.select])
        return sql, places, compiler, converters


class Rows[M: models.Model]:
    """The same for whole rows: `make` returns a QuerySet of the model; the columns `without` are not read."""

    def __init__(
        self, model: type[M], make: Callable[..., models.QuerySet], *, without: Iterable[str] = (), **types: type
    ) -> None:
        left_out = set(without)
        columns = [field.attname for field in model._meta.concrete_fields]
        self._model, self._columns = model, [column for column in columns if column not in left_out]
        self._statement = Statement(lambda **values: make(**values).values_list(*self._columns), **types)

    def all(self, **values: Any) -> list[M]:
        return [loaded(self._model, self._columns, row) for row in self._statement.rows(**values)]

    def first(self, **values: Any) -> M | None:
        found = self.all(**values)
        return found[0] if found else None


class _Place:
    def __init__(self, name: str) -> None:
        self.name = name


def _is_mark(value: Any, names: dict[Any, str]) -> bool:
    try:
        return value in names
    except TypeError:  # a list, as PostgreSQL takes several values
        return False


def adapt(value: Any, connection: Any) -> Any:
    """Return a value as the database's driver takes it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, uuid.UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def in_order(model: type[models.Model], names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of columns in the order of the model's fields, as `loaded` needs them."""
    wanted = set(names)
    found = tuple(field.attname for field in model._meta.concrete_fields if field.attname in wanted)
    if wanted - set(found):
        raise ValueError(f"{model.__name__} has no {', '.join(sorted(wanted - set(found)))}")
    return found


def loaded[M: models.Model](model: type[M], names: Sequence[str], values: Sequence[Any]) -> M:
    """Return an instance with these columns (of `in_order`); others are fetched when somebody asks for them."""
    return model.from_db(DEFAULT_DB_ALIAS, names, values)


# What the driver takes as it is, by the field's own class; None goes with each. Anything else its field prepares.
AS_IT_IS: dict[type[models.Field], type] = {
    **dict.fromkeys((models.CharField, models.TextField), str),
    **dict.fromkeys((models.IntegerField, models.PositiveIntegerField, models.PositiveSmallIntegerField), int),
    **dict.fromkeys((models.BigIntegerField, models.ForeignKey), int),
    models.BooleanField: bool,
}
_Column = tuple[str, frozenset[type], models.Field]  # attribute, types that go as they are, field
_INSERTS: dict[tuple[type[models.Model], str, str], tuple[str, list[_Column]]] = {}


def insert[M: models.Model](row: M, *, unless: str = "", update: str = "") -> M:
    """Save a new row as `save` would, and return it; no signal is sent, and nothing else is asked or written.

    `unless` are the columns of a unique constraint: a row with the same values is kept, but for the column `update`,
    and its id is the row's then.
    """
    row.pk = _write(type(row), row, unless, update)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return row


def add(kind: type[models.Model], /, **values: Any) -> SimpleNamespace:
    """Save a new row of which nothing more is wanted: the same without an instance, which takes longer to make.

    `values` are by attribute (`generation_id`); a column without one gets its default. Returns them all, with `pk`.
    """
    row = SimpleNamespace(**{field.attname: field.get_default() for field in kind._meta.concrete_fields} | values)
    row.pk = _write(kind, row, "", "")
    return row


def _write(kind: type[models.Model], row: Any, unless: str, update: str) -> Any:
    connection = connections[DEFAULT_DB_ALIAS]
    made = _INSERTS.get((kind, connection.vendor, unless))
    if made is None:
        made = _INSERTS[kind, connection.vendor, unless] = _insertion(kind, connection, unless, update)
    sql, columns = made
    held = row.__dict__
    params = [
        held[name]
        if name in held and type(held[name]) in as_it_is
        else field.get_db_prep_save(field.pre_save(row, True), connection)
        for name, as_it_is, field in columns
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0]


def _insertion(kind: type[models.Model], connection: Any, unless: str, update: str) -> tuple[str, list[_Column]]:
    quote, options = connection.ops.quote_name, kind._meta
    fields = [field for field in options.concrete_fields if not (field.primary_key or field.generated)]
    names = ", ".join(quote(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table, key = quote(options.db_table), quote(options.pk.column)
    kept = f" ON CONFLICT ({unless}) DO UPDATE SET {update} = EXCLUDED.{update}" if unless else ""
    columns = [(field.attname, _as_it_is(field), field) for field in fields]
    return f"INSERT INTO {table} ({names}) VALUES ({places}){kept} RETURNING {key}", columns  # noqa: S608 (our names)


def _as_it_is(field: models.Field) -> frozenset[type]:
    plain = AS_IT_IS.get(type(field))
    return frozenset({plain, type(None)}) if plain else frozenset()
