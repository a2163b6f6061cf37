"""Expand, then contract: during a deploy old and new code work on one database, so a migration may only add.

What takes something away waits for a release in which no running code needs it any more. Its migration then says so,
with the sentence that convinced its author:

    class Migration(migrations.Migration):
        contract = "Generation.preview: nothing has read or written it since 0.4."
"""

from collections.abc import Iterator

from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.test import SimpleTestCase

FIRST = "0001_first"
GONE = "old code, which still runs during a deploy, would miss it; stop using it in one release, remove it in the next"
OTHER_NAME = "old code knows only the old name; add the new one, fill both, and remove the old one a release later"
NO_VALUE = "old code inserts rows without it; give it a db_default, or let it be null"
NARROWER = "old code may still write null; fill it in, give it a db_default, and narrow it a release later"
UNREADABLE = "nobody can tell what it does to code that still runs; say why it is safe"


def dangers(migration: migrations.Migration, state: ProjectState) -> Iterator[str]:
    """Yield what this migration would do to code of the release before, one sentence each. Advances `state`."""
    for operation in migration.operations:
        if sentence := danger(operation, migration.app_label, state):
            yield f"{migration.app_label}.{migration.name}: {operation.describe()}: {sentence}."
        operation.state_forwards(migration.app_label, state)


def danger(operation: Operation, app: str, state: ProjectState) -> str:
    match operation:
        case migrations.RemoveField() | migrations.DeleteModel():
            return GONE
        case migrations.RenameField() | migrations.RenameModel() | migrations.AlterModelTable():
            return OTHER_NAME
        case migrations.AddField(field=field) if not may_be_left_out(field):
            return NO_VALUE
        case migrations.AlterField(field=field) if not field.null:
            before = state.models[app, operation.model_name_lower].fields[operation.name]
            return NARROWER if before.null else ""
        case migrations.RunSQL():
            return UNREADABLE
        case migrations.SeparateDatabaseAndState():
            found = (danger(inner, app, state) for inner in operation.database_operations)
            return next(filter(None, found), "")
    return ""


def may_be_left_out(field: models.Field) -> bool:
    """Say whether a row can be inserted by code that does not know this column. A default in Python does not help."""
    return field.many_to_many or field.null or field.has_db_default()


def refused(loader: MigrationLoader, app: str) -> list[str]:
    """Return what is wrong with the migrations of an app that came after its first and declare no contract."""
    found = []
    for (label, name), migration in sorted(loader.disk_migrations.items()):
        if label == app and name > FIRST and not getattr(migration, "contract", ""):
            state = loader.project_state([parent for parent in migration.dependencies if parent in loader.graph.nodes])
            found += dangers(migration, state)
    return found


class ExpandThenContractTests(SimpleTestCase):
    def refusal(self, *operations: Operation, **declared: str) -> list[str]:
        """Return what is said of a migration with these operations that would follow ours."""
        loader = MigrationLoader(None)
        [leaf] = loader.graph.leaf_nodes("generations")
        members = {"operations": list(operations), "dependencies": [leaf], **declared}
        later = type("Migration", (migrations.Migration,), members)("9999_later", "generations")
        loader.disk_migrations["generations", "9999_later"] = later
        return [sentence for sentence in refused(loader, "generations") if "9999_later" in sentence]

    def test_every_migration_may_run_while_old_code_works(self):
        self.assertEqual(refused(MigrationLoader(None), "generations"), [])

    def test_what_takes_away_renames_or_narrows_is_refused(self):
        for sentence, operation in (
            (GONE, migrations.RemoveField("generation", "preview")),
            (GONE, migrations.DeleteModel("Canary")),
            (OTHER_NAME, migrations.RenameField("generation", "preview", "hover")),
            (OTHER_NAME, migrations.RenameModel("Canary", "Bird")),
            (OTHER_NAME, migrations.AlterModelTable("canary", "birds")),
            (NO_VALUE, migrations.AddField("generation", "colour", models.CharField(max_length=9))),
            (NO_VALUE, migrations.AddField("generation", "colour", models.CharField(max_length=9, default=""))),
            (NARROWER, migrations.AlterField("generation", "due_at", models.DateTimeField())),
            (UNREADABLE, migrations.RunSQL("DROP TABLE generations_canary")),
            (GONE, migrations.SeparateDatabaseAndState([migrations.DeleteModel("Canary")], [])),
        ):
            with self.subTest(operation):
                [said] = self.refusal(operation)
                self.assertIn(sentence, said)
                self.assertEqual(self.refusal(operation, contract="Nothing has used it since 0.4."), [])

    def test_what_adds_is_let_through(self):
        for operation in (
            migrations.AddField("generation", "colour", models.CharField(max_length=9, db_default="")),
            migrations.AddField("generation", "colour", models.CharField(max_length=9, null=True)),
            migrations.AddField("generation", "friends", models.ManyToManyField("generations.Generation")),
            migrations.AlterField("generation", "due_at", models.DateTimeField("due", null=True)),
            migrations.CreateModel("Bird", [("id", models.BigAutoField(primary_key=True))]),
        ):
            with self.subTest(operation):
                self.assertEqual(self.refusal(operation), [])

    def test_a_step_is_judged_by_what_the_ones_before_it_made(self):
        colour = models.CharField(max_length=9, null=True)
        narrow = models.CharField(max_length=9)
        [said] = self.refusal(
            migrations.AddField("generation", "colour", colour), migrations.AlterField("generation", "colour", narrow)
        )
        self.assertIn(NARROWER, said)
