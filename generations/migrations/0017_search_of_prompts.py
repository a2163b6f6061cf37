import django.db.models.deletion
import generations.models.searching
from django.db import migrations, models

from generations import search


def make_anew(apps, schema_editor):
    """Both indexes, with scripts without spaces letter by letter; SQLite's are filled after the migration."""
    search.make(schema_editor.connection)


class Migration(migrations.Migration):
    # Another index, which triggers keep; old code goes on finding words in the one it knows.

    dependencies = [
        ('generations', '0016_language'),
    ]

    operations = [
        migrations.CreateModel(
            name='PromptEntry',
            fields=[
                ('prompt', models.OneToOneField(db_column='rowid', on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='search', serialize=False, to='generations.prompt')),
                ('words', generations.models.searching.Words(db_column='generations_prompt_search')),
            ],
            options={
                'db_table': 'generations_prompt_search',
                'managed': False,
            },
        ),
        migrations.RunPython(make_anew, migrations.RunPython.noop),
    ]
