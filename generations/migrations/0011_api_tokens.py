
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('generations', '0010_webhooks'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='api_at_once',
            field=models.PositiveIntegerField(blank=True, db_default=200, default=200, help_text='Asked for with any token of this person; empty for no limit.', null=True, verbose_name='unfinished API videos at once'),
        ),
        migrations.AddField(
            model_name='user',
            name='api_rate',
            field=models.PositiveIntegerField(blank=True, db_default=3000, default=3000, help_text='Of all tokens of this person together; empty for no limit.', null=True, verbose_name='API requests a minute'),
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Where it is used, so that you know which one to revoke.', max_length=100)),
                ('start', models.CharField(editable=False, max_length=10, verbose_name='begins with')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('scopes', models.JSONField(default=list)),
                ('rate', models.PositiveIntegerField(blank=True, default=1200, null=True, verbose_name='requests a minute')),
                ('at_once', models.PositiveIntegerField(blank=True, default=100, null=True, verbose_name='unfinished videos at once')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(editable=False, null=True)),
                ('revoked_at', models.DateTimeField(editable=False, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API token',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='ApiAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=255)),
                ('digest', models.CharField(help_text='Of what was asked.', max_length=64)),
                ('body', models.TextField(help_text='JSON, as it was answered.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('generation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='generations.generation')),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='answers', to='generations.apitoken')),
            ],
        ),
        migrations.AddField(
            model_name='generation',
            name='api_token',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='generations', to='generations.apitoken'),
        ),
        migrations.AddIndex(
            model_name='generation',
            index=models.Index(condition=models.Q(('api_token__isnull', False), ('due_at__isnull', False)), fields=['created_by', 'api_token'], name='generation_of_programs'),
        ),
        migrations.AddIndex(
            model_name='apianswer',
            index=models.Index(fields=['created_at'], name='answer_age'),
        ),
        migrations.AddConstraint(
            model_name='apianswer',
            constraint=models.UniqueConstraint(fields=('token', 'key'), name='one_answer_a_key'),
        ),
    ]
