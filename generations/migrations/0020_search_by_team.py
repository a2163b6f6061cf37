import django.db.models.deletion
from django.db import migrations, models

from generations import search


def make_anew(apps, schema_editor):
    """PostgreSQL's index, with the team beside the words; SQLite's has had it from the beginning."""
    if schema_editor.connection.vendor == "postgresql":
        search.make(schema_editor.connection)


class Migration(migrations.Migration):
    # One more column, which triggers fill; old code goes on finding words in those it knows.

    dependencies = [
        ('generations', '0019_lighter_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='searchentry',
            name='team',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='generations.team'),
        ),
        migrations.RunPython(make_anew, migrations.RunPython.noop),
    ]
