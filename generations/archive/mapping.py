"""What teams, people and gateways of another installation are here."""

from urllib.parse import parse_qsl, urlencode

from generations.archive.layout import ArchiveRefused, Line
from generations.models import Gateway, Group, Membership, Preset, Project, Prompt, SavedView, Tag, Team, User


class Mapping:
    """Finds what an archive names, or makes it: accounts that nobody can sign in to, gateways without a key."""

    def __init__(self, team: Team | None, stand_in: User | None) -> None:
        self.only_team, self.stand_in = team, stand_in
        self._teams: dict[int, Team] = {}
        self._names: dict[str, Line] = {}
        self._people: dict[str, User] = {}
        self._gateways: dict[str, Gateway] = {}
        self._projects: dict[tuple[int, str], Project] = {}

    def learn_team(self, line: Line) -> None:
        """Find the team of a name, or make it; two of one name stay two."""
        if self.only_team is not None:
            self._teams[line["id"]] = self.only_team
            return
        taken = [team.pk for team in self._teams.values()]
        found = Team.objects.filter(name=line["name"]).exclude(pk__in=taken).order_by("pk").first()
        self._teams[line["id"]] = found or Team.objects.create(name=line["name"])

    def team(self, key: int) -> Team:
        return self._teams[key]

    def learn_person(self, line: Line) -> None:
        self._names[line["username"]] = line

    def person(self, username: str, team: Team) -> User:
        """Return who that is here; made when first needed."""
        if username not in self._people:
            found = User.objects.filter(username=username).first()
            self._people[username] = found or self.stand_in or self._newcomer(username, team)
        return self._people[username]

    def _newcomer(self, username: str, team: Team) -> User:
        names = {name: str(self._names[username].get(name, ""))[:150] for name in ("first_name", "last_name")}
        person = User(username=username, is_active=False, **names)
        person.set_unusable_password()
        person.save()
        Membership.objects.filter(user=person).exclude(team=team).delete()  # every new account joins the first team
        Membership.objects.get_or_create(user=person, team=team)
        return person

    def learn_gateway(self, line: Line, row: Line) -> None:
        """Find the same gateway: of this name at this address; else make one, without a key and switched off."""
        if line["is_sandbox"]:
            found = Gateway.objects.filter(key_source=Gateway.KeySource.SANDBOX).first()
        else:
            found = Gateway.objects.real().filter(name=row["name"], base_url=row["base_url"]).first()
        self._gateways[row["name"]] = found or Gateway.objects.create(
            **{**row, "name": free_name(row["name"])},
            enabled=False,
            key_source=Gateway.KeySource.SANDBOX if line["is_sandbox"] else Gateway.KeySource.ADMIN,
        )

    def gateway(self, name: str) -> Gateway:
        return self._gateways[name]

    def learn_project(self, line: Line, row: Line) -> None:
        team = self.team(line["team"])
        found = Project.objects.filter(team=team, name__iexact=row["name"]).first()
        if found is None:
            person = self.person(line["person"], team) if line["person"] else None
            found = Project.objects.create(team=team, created_by=person, **row)
        self._projects[team.pk, row["name"]] = found

    def view(self, line: Line, row: Line) -> bool:
        """Make a saved view; False when its person has one of this name."""
        team = self.team(line["team"])
        person = self.person(line["person"], team)
        if SavedView.objects.filter(person=person, name__iexact=row["name"]).exists():
            return False
        filters = dict(parse_qsl(row["query"]))
        if line["project"]:
            project = self.project(line["project"]["name"], self.team(line["project"]["team"]))
            filters["project"] = str(project.pk)
        SavedView.objects.create(team=team, person=person, **(row | {"query": urlencode(filters)}))
        return True

    def learn_tag(self, line: Line, row: Line) -> None:
        team = self.team(line["team"])
        if not Tag.objects.filter(team=team, name__iexact=row["name"]).exists():
            Tag.objects.create(team=team, **row)

    def preset(self, line: Line, row: Line) -> bool:
        """Make a preset; False when the team has one of this name."""
        team = self.team(line["team"])
        if Preset.objects.filter(team=team, name__iexact=row["name"]).exists():
            return False
        prompt = Prompt.objects.filter(team=team, digest=line["prompt"]).first() if line["prompt"] else None
        Preset.objects.create(team=team, created_by=self.person(line["person"], team), promoted_from=prompt, **row)
        return True

    def project(self, name: str | None, team: Team) -> Project | None:
        """Return the project of that name. Raises ArchiveRefused when the archive did not bring it."""
        if name is None:
            return None
        try:
            return self._projects[team.pk, name]
        except KeyError as error:
            raise ArchiveRefused(f"The project {name} is not in the archive.") from error

    def tags(self, names: list[str], team: Team) -> list[Tag]:
        found = {}
        for name in names:
            tag = Tag.objects.filter(team=team, name__iexact=name).first() or Tag.objects.create(team=team, name=name)
            found[tag.pk] = tag
        return list(found.values())

    def group(self, line: Line | None, team: Team) -> Group | None:
        if line is None:
            return None
        made = {"kind": line["kind"], "created_at": line["created_at"]}
        person = self.person(line["person"], team)
        return Group.objects.get_or_create(uuid=line["uuid"], defaults={"team": team, "created_by": person, **made})[0]


def free_name(name: str) -> str:
    """Return a gateway's name that nobody has: its own, or with a number behind it."""
    names = set(Gateway.objects.values_list("name", flat=True))
    if name not in names:
        return name
    return next(free for number in range(2, len(names) + 3) if (free := f"{name[:44]}-{number}") not in names)
