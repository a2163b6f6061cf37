from django.db import migrations


def tell_cometapi(apps, schema_editor):
    """A gateway that the environment named before there was this field: new ones are told when they are made."""
    gateways = apps.get_model("generations", "Gateway").objects
    gateways.filter(name="cometapi", key_source="environment").update(lists_models=True)


class Migration(migrations.Migration):
    dependencies = [('generations', '0004_live_catalogue')]

    operations = [migrations.RunPython(tell_cometapi, migrations.RunPython.noop)]
