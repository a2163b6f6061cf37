"""Indexes that another one covers go, and those of keys that most rows lack hold only the rows that have one.

Each index is a page or more that every new row writes. Nothing is missed by old code: an index only makes things fast.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

UNNEEDED = {
    "Generation": ("deleted_by", "gateway", "group", "parent", "project", "team"),
    "Prompt": ("edited_from", "first", "team"),
}


def drop(apps, schema_editor):
    """Drop the plain index of each key. On SQLite an AlterField would copy the whole table, once for each."""
    for name, keys in UNNEEDED.items():
        model = apps.get_model("generations", name)
        table, columns = model._meta.db_table, [[model._meta.get_field(key).column] for key in keys]
        with schema_editor.connection.cursor() as cursor:
            found = schema_editor.connection.introspection.get_constraints(cursor, table)
        own = {index.name for index in model._meta.indexes}
        for index, about in found.items():
            if about["index"] and not about["unique"] and about["columns"] in columns and index not in own:
                schema_editor.execute(f"DROP INDEX {schema_editor.quote_name(index)}")


def restore(apps, schema_editor):
    for name, keys in UNNEEDED.items():
        model = apps.get_model("generations", name)
        for key in keys:
            schema_editor.execute(schema_editor._create_index_sql(model, fields=[model._meta.get_field(key)]))


class Migration(migrations.Migration):

    dependencies = [
        ('generations', '0018_rates_across_processes'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('project__isnull', False)), fields=['project', '-id'], name='generation_of_project'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('group__isnull', False)), fields=['group'], name='generation_of_group'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('parent__isnull', False)), fields=['parent'], name='generation_of_parent'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('deleted_by__isnull', False)), fields=['deleted_by'], name='generation_thrown_by'),
        ),
        migrations.AddIndex(
            model_name='modelprice',
            index=models.Index(fields=['model_key'], name='price_of_model'),
        ),
        migrations.AddIndex(
            model_name='modelprice',
            index=models.Index(fields=['upstream_id'], name='price_of_upstream_id'),
        ),
        migrations.AddIndex(
            model_name='prompt',
            index=models.Index(condition=models.Q(('edited_from__isnull', False)), fields=['edited_from'], name='prompt_edited_from'),
        ),
        migrations.AddIndex(
            model_name='prompt',
            index=models.Index(condition=models.Q(('first__isnull', False)), fields=['first'], name='prompt_of_first'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('cost__isnull', False)), fields=['team', 'cost', '-id'], name='generation_priced'),
        ),
        migrations.RemoveIndex(
            model_name='generation',
            name='generation_project',
        ),
        migrations.RemoveIndex(
            model_name='generation',
            name='generation_team',
        ),
        migrations.RemoveIndex(
            model_name='generation',
            name='generation_cost',
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop, restore)],
            state_operations=[
                migrations.AlterField(
                    model_name='generation',
                    name='deleted_by',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
                migrations.AlterField(
                    model_name='generation',
                    name='gateway',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='generations', to='generations.gateway'),
                ),
                migrations.AlterField(
                    model_name='generation',
                    name='group',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='generations', to='generations.group'),
                ),
                migrations.AlterField(
                    model_name='generation',
                    name='parent',
                    field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='children', to='generations.generation'),
                ),
                migrations.AlterField(
                    model_name='generation',
                    name='project',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='generations', to='generations.project'),
                ),
                migrations.AlterField(
                    model_name='generation',
                    name='team',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='generations', to='generations.team'),
                ),
                migrations.AlterField(
                    model_name='prompt',
                    name='edited_from',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='edits', to='generations.prompt'),
                ),
                migrations.AlterField(
                    model_name='prompt',
                    name='first',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='versions', to='generations.prompt'),
                ),
                migrations.AlterField(
                    model_name='prompt',
                    name='team',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='prompts', to='generations.team'),
                ),
            ],
        ),
    ]
