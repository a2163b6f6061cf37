"""manage.py sync_catalog: what do the gateways list of their models, and what does the catalogue not know of it?"""

from django.core.management.base import BaseCommand, CommandError

from generations.gateways import GatewayError
from generations.lifecycle.listing import sync
from generations.models import Gateway


class Command(BaseCommand):
    help = "Fetches the list of models of each gateway that has one and prints what is new, gone or priced otherwise."

    def add_arguments(self, parser) -> None:
        parser.add_argument("gateways", nargs="*", help="names; without any, every gateway that lists its models")

    def handle(self, *args, gateways: list[str], **options) -> None:
        found = Gateway.objects.real().filter(lists_models=True)
        if gateways:
            found = found.filter(name__in=gateways)
        if missing := set(gateways) - {gateway.name for gateway in found}:
            raise CommandError(f"No gateway of this name lists its models: {', '.join(sorted(missing))}.")
        failed = []
        for gateway in found:
            try:
                notices = sync(gateway)
            except GatewayError as error:
                failed.append(gateway.name)
                self.stderr.write(f"{gateway.name}: {error}")
                continue
            self.stdout.write(f"{gateway.name}: {len(notices)} open notice{'' if len(notices) == 1 else 's'}")
            for notice in notices:
                self.stdout.write(f"  {notice.get_kind_display()}: {notice.upstream_id}: {notice.words}")
                self.stdout.write("".join(f"    {line}\n" for line in notice.draft.splitlines()), ending="")
        if failed:
            raise CommandError(f"Nothing changed for {', '.join(failed)}.")
