"""Rows by the hundred thousand, to see how the library behaves when it is full. They name no files."""

import itertools
import random
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.utils import timezone

from generations.catalog import catalog
from generations.models import Gateway, Generation, Project, Prompt, Star, Status, Tag, Tagging, Team, User
from generations.models.prompt import digest_of

SEED = 42
AT_ONCE = 20_000
WORDS = 30_000  # in the vocabulary; the hundredth is in one prompt of fifty, the last in one of a few thousand
LONGEST, SHORTEST = 38, 22  # words of a prompt
PEOPLE, DAYS = 50, 730
GATEWAY = "demo"
PROJECTS = ("Autumn campaign", "Titles", "Tests", "Showreel", "Client films", "Loops", "Backgrounds", "Stills")
TAGS = ("night", "rain", "portrait", "loop", "approved", "draft", "drone", "macro", "crowd", "sea", "city", "snow")
SYLLABLES = ("ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "xu", "da", "fe", "gi", "ho", "ju", "pa", "zo", "wy")
ENDS = {Status.COMPLETED: 90, Status.FAILED: 7, Status.CANCELLED: 3}
PLAIN = frozenset({int, float, str, bool})  # as every database takes them
FRAMES = ((1280, 720), (720, 1280), (1920, 1080), (1024, 1024), (832, 480))


def vocabulary() -> list[str]:
    """Return made-up words, the most frequent first: the same at each call."""
    chance = random.Random(SEED)  # noqa: S311
    words: dict[str, None] = {}
    while len(words) < WORDS:
        words["".join(chance.choices(SYLLABLES, k=chance.randint(2, 5)))] = None
    return list(words)


def frequencies() -> list[float]:
    """Return how often each word of the vocabulary comes, beside the first."""
    return [1 / (place + 1) ** 0.95 for place in range(WORDS)]


def load(count: int, team: Team) -> Iterator[int]:
    """Add so many generations of a team, each with a prompt of its own; yield how many there are after each step."""
    chance = random.Random(SEED + after_last(Prompt))  # noqa: S311 (other prompts than those that are there)
    words = vocabulary()
    weights = list(itertools.accumulate(frequencies()))
    row = rows(chance, count, team)
    taggable = list(tags(team))
    for begin in range(0, count, AT_ONCE):
        size = min(AT_ONCE, count - begin)
        with transaction.atomic():
            first_prompt, first = after_last(Prompt), after_last(Generation)
            texts = [
                " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(SHORTEST, LONGEST)))
                for _ in range(size)
            ]
            insert(Prompt, first_prompt, prompts(team, texts))
            made = list(itertools.islice(row, size))
            insert(
                Generation, first, ({**fields, "prompt_id": first_prompt + place} for place, fields in enumerate(made))
            )
            mark(chance, range(first, first + size), taggable, [fields["created_by_id"] for fields in made[:PEOPLE]])
        yield begin + size


def prompts(team: Team, texts: list[str]) -> Iterator[dict[str, Any]]:
    for text in texts:
        yield {"team_id": team.pk, "text": text, "digest": digest_of(text)}


def rows(chance: random.Random, count: int, team: Team) -> Iterator[dict[str, Any]]:
    """Yield the fields of generations that have ended, the oldest first."""
    gateway, _ = Gateway.objects.get_or_create(
        name=GATEWAY, defaults={"base_url": "https://demo.invalid", "enabled": False, "offers": []}
    )
    people, projects = [person.pk for person in members(team)], [None] * 8 + list(folders(team))
    entries = [model for model in catalog().models if model.status == "active"][:8]
    ends = chance.choices(list(ENDS), weights=list(ENDS.values()), k=10_000)
    began, step = timezone.now() - timedelta(days=DAYS), timedelta(days=DAYS) / count
    for number in itertools.count():
        entry, status, (width, height) = chance.choice(entries), ends[number % len(ends)], chance.choice(FRAMES)
        moment, seconds = began + number * step, chance.choice((4, 5, 8, 10, 15))
        yield {
            "uuid": uuid.uuid4(),
            "team_id": team.pk,
            "created_by_id": chance.choice(people),
            "gateway_id": gateway.pk,
            "origin": Generation.Origin.COMMAND,
            "model_key": entry.key,
            "dialect": entry.dialect,
            "upstream_model": entry.upstream_id,
            "asked_width": width,
            "asked_height": height,
            "asked_seconds": seconds,
            "status": status,
            "due_at": None,
            "created_at": moment,
            "submitted_at": moment,
            "quote_amount": Decimal("0.05") * seconds,
            "quote_currency": "USD",
            "quote_source": "a demonstration",
            "project_id": chance.choice(projects),
            "rating": chance.randint(1, 5) if chance.random() < 0.02 else None,
            **(delivered(chance, width, height, seconds, moment) if status == Status.COMPLETED else {}),
        }


def delivered(chance: random.Random, width: int, height: int, seconds: int, moment) -> dict[str, Any]:
    """Return what a finished one has: one in two hundred is not as asked; the file is gone."""
    if chance.random() < 0.005:
        width, height = 1280, 704
    return {
        "progress": 100,
        "completed_at": moment + timedelta(seconds=60),
        "measured_width": width,
        "measured_height": height,
        "measured_seconds": float(seconds),
        "measured_fps": 24.0,
        "measured_has_audio": chance.random() < 0.5,
        "purged_at": moment + timedelta(seconds=60),
    }


def members(team: Team) -> list[User]:
    """Return the people of a demonstration, who cannot sign in."""
    found = []
    for number in range(PEOPLE):
        person, is_new = User.objects.get_or_create(username=f"demo{number:02}", defaults={"is_active": False})
        if is_new:
            person.memberships.update(team=team)
        found.append(person)
    return found


def folders(team: Team) -> Iterator[int]:
    for name in PROJECTS:
        yield Project.objects.get_or_create(team=team, name=name)[0].pk


def tags(team: Team) -> Iterator[int]:
    for name in TAGS:
        yield Tag.objects.get_or_create(team=team, name=name)[0].pk


def mark(chance: random.Random, generations: Iterable[int], tags: list[int], people: list[int]) -> None:
    """Give one generation in ten a tag, and one in fifty a star."""
    tagged = [(chance.choice(tags), pk) for pk in generations if chance.random() < 0.1]
    insert(Tagging, after_last(Tagging), ({"tag_id": tag, "generation_id": pk} for tag, pk in tagged))
    starred = [(chance.choice(people), pk) for pk in generations if chance.random() < 0.02]
    insert(Star, after_last(Star), ({"person_id": person, "generation_id": pk} for person, pk in starred))


# Faster than the ORM, which makes an object of each row


def after_last(model: type[models.Model]) -> int:
    return (model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1


def insert(model: type[models.Model], first: int, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows of `model`, numbered from `first` on; what a row does not name is as in a new instance."""
    columns = [field for field in model._meta.concrete_fields if not field.generated]
    blank = model()
    common = {field.attname: field.get_db_prep_save(field.pre_save(blank, add=True), connection) for field in columns}
    places = {field.attname: place for place, field in enumerate(columns)}
    key = places[model._meta.pk.attname]
    blank_row = list(common.values())

    def written() -> Iterator[list[Any]]:
        for number, row in enumerate(rows, start=first):
            values = blank_row.copy()
            for name, value in row.items():
                is_plain = value is None or type(value) in PLAIN
                place = places[name]
                values[place] = value if is_plain else columns[place].get_db_prep_save(value, connection)
            values[key] = number
            yield values

    quote = connection.ops.quote_name
    table, names = quote(model._meta.db_table), ", ".join(quote(field.column) for field in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in written():
                    copy.write_row(row)
            for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
                cursor.execute(statement)
        else:
            signs = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({signs})", written())  # noqa: S608
