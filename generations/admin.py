"""The operator's screen: gateways and people are edited here; what happened is only read."""

from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import ActionLocation
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Permission
from django.core.validators import MinValueValidator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_q.models import Failure as QueueFailure
from django_q.models import OrmQ, Schedule, Success

from generations.catalog import catalog
from generations.fields import LockedText
from generations.forms.prices import OwnPriceForm
from generations.lifecycle import decisions
from generations.models import (
    ApiToken,
    CatalogSnapshot,
    Drift,
    Event,
    Gateway,
    Generation,
    GenerationInput,
    LedgerEntry,
    Membership,
    ModelPrice,
    ModelSwitch,
    Prompt,
    Status,
    SubmitAttempt,
    Team,
    User,
)
from generations.models.told import told
from generations.specs import listed, quoted

# A row of django-q2's Schedule can run any import path: whoever could add one would own the machine.
# allauth's own list of addresses is not used: an account has one, on its own page.
admin.site.unregister([Schedule, Success, QueueFailure, OrmQ, EmailAddress])


class ReadOnly:
    """Nobody adds, changes or deletes these by hand: the studio and the engine do."""

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user"]


class OwnMembershipInline(MembershipInline):
    autocomplete_fields = ["team"]


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):
    list_display = ["name", "preferred_gateway", "created_at"]
    search_fields = ["name"]
    inlines = [MembershipInline]

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # its prompts and videos would be nobody's


@admin.register(User)
class PersonAdmin(UserAdmin):
    """People. Only superusers hand out rights, or touch the account of somebody who may more than they do."""

    list_display = ["username", "email", "is_active", "is_staff", "last_login"]
    inlines = [OwnMembershipInline]
    fieldsets = (
        *UserAdmin.fieldsets,
        (gettext_lazy("Pages"), {"fields": ("language",)}),
        (gettext_lazy("Programs"), {"fields": ("api_rate", "api_at_once")}),
    )
    RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")

    def get_readonly_fields(self, request, obj=None):
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *self.RIGHTS)

    def has_change_permission(self, request, obj=None) -> bool:
        return not self.is_above(obj, request.user) and super().has_change_permission(request, obj)

    def is_above(self, person: User | None, operator: User) -> bool:
        """Say whether a person may what this operator may not: with a new password, their rights would be taken."""
        if person is None or operator.is_superuser:
            return False
        given = Permission.objects.filter(Q(user=person) | Q(group__user=person)).select_related("content_type")
        return person.is_superuser or not operator.has_perms(permission.user_perm_str for permission in given)

    def get_inlines(self, request, obj):
        return self.inlines if obj else []  # a new person joins the default team by being saved

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # switch the account off instead: what it made stays


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, admin.ModelAdmin):
    """Whose programs may do what. People make and revoke their own; operators set limits, and revoke any.

    Switching an account off stops all of its tokens.
    """

    actions = ["revoke"]
    list_display = ["name", "user", "start", "scope_words", "state", "last_used_at", "expires_at", "created_at"]
    list_filter = ["user"]
    search_fields = ["name", "start", "user__username"]
    list_select_related = ["user"]
    readonly_fields = [*list_display, "revoked_at"]
    fields = [*readonly_fields, "rate", "at_once"]

    def has_change_permission(self, request, obj=None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: ApiToken, form, change: bool) -> None:
        """Save the limits alone: one that is revoked or used meanwhile stays so."""
        obj.save(update_fields=["rate", "at_once"])

    @admin.action(description=gettext_lazy("Revoke: it opens nothing any more"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset) -> None:
        for token in queryset:
            token.revoke()
        self.message_user(request, _("Revoked."))

    @admin.display(description="scopes")
    def scope_words(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)


# The sandbox is this very site, offers everything, costs nothing, and has a key built in.
NOT_OF_THE_SANDBOX = ("base_url", "offers", "new_key", "failure_policy", "lists_models")
AT_LEAST_ONE = MinValueValidator(
    1, gettext_lazy("With less than 1 nothing would ever be sent. To stop a gateway, pause it.")
)


class GatewayForm(forms.ModelForm):
    new_key = forms.CharField(
        label=gettext_lazy("Key"),
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Stored encrypted and never shown again. Leave it empty to keep the key that is set."),
    )

    class Meta:
        model = Gateway
        fields = ["name", "base_url", "offers", "priority", "max_creates", "max_active", "enabled"]
        fields += ["failure_policy", "lists_models"]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for name in NOT_OF_THE_SANDBOX if self.instance.is_sandbox else ():
            self.fields.pop(name, None)
        for name in ("max_creates", "max_active"):
            if name in self.fields:
                self.fields[name].validators.append(AT_LEAST_ONE)

    def clean_base_url(self) -> str:
        address = self.cleaned_data["base_url"].rstrip("/")
        try:
            urlsplit(address)
        except ValueError:
            raise forms.ValidationError(_("Enter an address such as https://api.example.com")) from None
        if address.endswith("/v1"):
            raise forms.ValidationError(_("Leave /v1 out: it is added to every request."))
        return address

    def clean_new_key(self) -> str:
        key = self.cleaned_data["new_key"]
        if key and (not key.isascii() or not key.isprintable() or " " in key):
            raise forms.ValidationError(_("A key has only visible ASCII characters and no spaces."))
        return key

    def clean_offers(self) -> list[str]:
        offers = self.cleaned_data["offers"]
        if not isinstance(offers, list) or not all(isinstance(offer, str) for offer in offers):
            raise forms.ValidationError(_('Enter a list of texts, such as ["veo", "wan/wan2.6"].'))
        models = catalog().models
        known = sorted({model.family for model in models} | {model.key for model in models})
        for offer in offers:
            if offer not in known:
                raise forms.ValidationError(
                    _("Nothing is called '{offer}'. It can be {known}.").format(
                        offer=quoted(offer), known=listed(known)
                    )
                )
        return offers

    def clean(self) -> dict:
        data = super().clean()
        moved = self.instance.pk and "base_url" in self.changed_data
        holds_a_key = self.instance.key or isinstance(self.instance.key, LockedText)
        if moved and not data.get("new_key") and holds_a_key:
            self.add_error(
                "new_key", _("Enter the key again: the address changed, and a key goes to its own gateway only.")
            )
        if not self.instance.is_sandbox and not data.get("base_url") and "base_url" not in self.errors:
            self.add_error("base_url", _("Enter the gateway's address."))
        return data

    def save(self, commit: bool = True) -> Gateway:
        if key := self.cleaned_data.get("new_key"):
            self.instance.key = key
            self.instance.key_source = Gateway.KeySource.ADMIN
            self.instance.paused_reason, self.instance.paused_until = "", None
        return super().save(commit)


@admin.register(Gateway)
class GatewayAdmin(admin.ModelAdmin):
    form = GatewayForm
    list_display = ["name", "base_url", "shown_key", "enabled", "state", "priority"]
    readonly_fields = ["shown_key", "key_source", "state"]
    actions = ["pause", "resume"]

    def get_readonly_fields(self, request, obj=None):
        """A gateway keeps its name: history and the environment know it by that."""
        return [*self.readonly_fields, *(["name"] if obj else [])]

    def get_fields(self, request, obj=None):
        left_out = NOT_OF_THE_SANDBOX if obj and obj.is_sandbox else ()
        return [name for name in super().get_fields(request, obj) if name not in left_out]

    @admin.display(description="key")
    def shown_key(self, gateway: Gateway) -> str:
        if gateway.is_sandbox:
            return _("built in")
        if gateway.key_problem:
            return told(gateway.key_problem)
        return f"…{gateway.key_hint}" if gateway.key_hint else "set"

    @admin.display(description="state")
    def state(self, gateway: Gateway) -> str:
        if not gateway.enabled:
            return _("switched off")
        if gateway.is_paused:
            until = (
                _(" until {paused_until} UTC").format(paused_until=f"{gateway.paused_until:%Y-%m-%d %H:%M:%S}")
                if gateway.paused_until
                else ""
            )
            return _("paused{until}: {paused_reason}").format(until=until, paused_reason=gateway.paused_reason)
        return "working"

    @admin.action(description=gettext_lazy("Pause: no creates, no polls"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset) -> None:
        for gateway in queryset:
            gateway.pause(f"Paused by {request.user.get_username()}.")
        self.message_user(request, _("Paused. What is waiting waits; nothing fails by it."))

    @admin.action(description=gettext_lazy("Try again: end the pause"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset) -> None:
        for gateway in queryset:
            decisions.resume(gateway)
        self.message_user(request, _("Working again."))

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # history names it; switch it off instead


@admin.register(ModelSwitch)
class ModelSwitchAdmin(admin.ModelAdmin):
    """Models of the catalogue that are on, off or hidden by hand."""

    list_display = ["model_key", "position", "is_hidden", "reason", "changed_at"]
    list_filter = ["position", "is_hidden"]
    fields = ["model_key", "position", "is_hidden", "reason"]

    def get_readonly_fields(self, request, obj=None):
        return ["model_key"] if obj else []


class AttemptInline(ReadOnly, admin.TabularInline):
    model = SubmitAttempt
    fk_name = "generation"
    fields = ["number", "opened_at", "sent_at", "closed_at", "outcome", "http_status", "evidence", "decided_by"]
    readonly_fields = fields
    extra = 0


class EventInline(ReadOnly, admin.TabularInline):
    model = Event
    fields = ["at", "before", "after", "actor", "actor_kind", "reason"]
    readonly_fields = fields
    extra = 0


class LedgerInline(ReadOnly, admin.TabularInline):
    model = LedgerEntry
    fields = ["at", "number", "kind", "held", "spent", "currency", "actor", "reason"]
    readonly_fields = fields
    extra = 0


class InputInline(ReadOnly, admin.TabularInline):
    model = GenerationInput
    fields = ["option", "position", "upload"]
    readonly_fields = fields
    extra = 0


class CorrectForm(forms.Form):
    spent = forms.DecimalField(
        label=gettext_lazy("What it did cost"),
        min_value=0,
        max_digits=12,
        decimal_places=6,
        help_text=gettext_lazy("0 when it was not billed."),
    )
    reason = forms.CharField(
        max_length=300,
        label=gettext_lazy("How you know"),
        help_text=gettext_lazy("For example the number of the invoice."),
    )


class AttachForm(forms.Form):
    upstream_id = forms.CharField(
        max_length=512, label=gettext_lazy("Upstream id"), help_text=gettext_lazy("As the gateway's console shows it.")
    )


@admin.register(Generation)
class GenerationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["uuid", "short_prompt", "status", "failure", "model_key", "gateway", "created_by", "created_at"]
    list_filter = ["status", "failure", "model_key", "gateway", "created_by", "team", "created_at"]
    list_select_related = ["gateway", "created_by", "prompt"]
    search_fields = ["prompt__text", "uuid", "upstream_id"]
    show_full_result_count = False
    inlines = [AttemptInline, EventInline, LedgerInline, InputInline]
    actions = ["ask_now", "attach", "confirm_not_created", "correct_cost"]
    fieldsets = [
        (None, {"fields": ["uuid", "page", "status", "failure", "detail", "progress", "overdue_at"]}),
        (
            gettext_lazy("Asked"),
            {
                "fields": [
                    "team",
                    "created_by",
                    "prompt",
                    "model_key",
                    "options",
                    "origin",
                    "parent",
                    "relation",
                ]
            },
        ),
        (
            gettext_lazy("Upstream"),
            {"fields": ["gateway", "dialect", "upstream_model", "upstream_id", "upstream_status", "last_answer"]},
        ),
        (
            gettext_lazy("Price"),
            {
                "fields": [
                    "quote_amount",
                    "quote_currency",
                    "quote_source",
                ]
            },
        ),
        (
            gettext_lazy("File"),
            {
                "fields": [
                    *("file", "sha256", "bytes", "measured_width", "measured_height"),
                    *("measured_seconds", "measured_fps", "measured_has_audio"),
                ]
            },
        ),
        (
            gettext_lazy("Engine"),
            {
                "fields": [
                    "version",
                    "claim",
                    "due_at",
                    "tries",
                    "created_at",
                    "submitted_at",
                    "completed_at",
                ]
            },
        ),
    ]

    @admin.display(description="prompt")
    def short_prompt(self, generation: Generation) -> str:
        return str(generation.prompt)

    @admin.display(description="page")
    def page(self, generation: Generation) -> str:
        return format_html('<a href="{0}">{0}</a>', generation.get_absolute_url())

    def get_actions(self, request: HttpRequest, action_location=ActionLocation.CHANGE_LIST) -> dict:
        """Decisions belong to operators: they need the right to settle unknown outcomes."""
        actions = super().get_actions(request, action_location)
        return actions if request.user.has_perm("generations.settle_unknown") else {}

    def each(self, request: HttpRequest, queryset, decide, done: str) -> None:
        """Carry a decision out for every chosen row, and say what could not be done."""
        count = 0
        for generation in queryset.select_related("gateway"):
            try:
                decide(generation)
                count += 1
            except decisions.CannotDo as error:
                self.message_user(request, f"{generation.uuid}: {error}", messages.WARNING)
        if count:
            self.message_user(request, f"{done} ({count}).", messages.SUCCESS)

    @admin.action(description=gettext_lazy("Ask upstream now"))
    def ask_now(self, request: HttpRequest, queryset) -> None:
        self.each(request, queryset, lambda row: decisions.ask_again(row, request.user), _("Asking upstream"))

    @admin.action(description=gettext_lazy("Attach upstream id"))
    def attach(self, request: HttpRequest, queryset) -> HttpResponse | None:
        generation = queryset.select_related("gateway", "prompt").first()
        if queryset.count() != 1 or generation is None or generation.status != Status.UNKNOWN:
            self.message_user(request, _("Choose one generation whose outcome is unknown."), messages.WARNING)
            return None
        form = AttachForm(request.POST if "upstream_id" in request.POST else None)
        if form.is_valid():
            try:
                decisions.attach(generation, form.cleaned_data["upstream_id"], request.user)
            except decisions.CannotDo as error:
                form.add_error("upstream_id", str(error))
            else:
                self.message_user(request, _("Attached. The studio follows the task from here."), messages.SUCCESS)
                return None
        context = {**self.admin_site.each_context(request), "form": form, "generation": generation, "opts": self.opts}
        return render(request, "admin/generations/attach.html", context)

    @admin.action(description=gettext_lazy("Confirm not created"))
    def confirm_not_created(self, request: HttpRequest, queryset) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            context = {**self.admin_site.each_context(request), "generations": queryset, "opts": self.opts}
            return render(request, "admin/generations/confirm_not_created.html", context)
        self.each(request, queryset, lambda row: decisions.confirm_not_created(row, request.user), _("Confirmed"))
        return None

    @admin.action(description=gettext_lazy("Correct what it did cost"))
    def correct_cost(self, request: HttpRequest, queryset) -> HttpResponse | None:
        generation = queryset.select_related("gateway", "prompt").first()
        if queryset.count() != 1 or generation is None or not generation.is_finished:
            self.message_user(request, _("Choose one generation that has ended."), messages.WARNING)
            return None
        form = CorrectForm(request.POST if "spent" in request.POST else None)
        if form.is_valid():
            try:
                decisions.correct_cost(
                    generation, form.cleaned_data["spent"], request.user, reason=form.cleaned_data["reason"]
                )
            except decisions.CannotDo as error:
                form.add_error(None, str(error))
            else:
                self.message_user(
                    request, _("Written into the ledger. Nothing of it is held any more."), messages.SUCCESS
                )
                return None
        words = [one.words for one in generation.ledger.all().sums().values() if one.words]
        ledger = ", ".join(words) or _("nothing")
        context = {**self.admin_site.each_context(request), "form": form, "generation": generation, "ledger": ledger}
        return render(request, "admin/generations/correct_cost.html", context | {"opts": self.opts})


@admin.register(ModelPrice)
class ModelPriceAdmin(admin.ModelAdmin):
    """What the operators know of prices; what a gateway's own list says is only read."""

    list_display = ["shown_model", "gateway", "amount", "currency", "per", "option", "value", "origin", "as_of"]
    list_filter = ["origin", "gateway", "model_key"]
    list_select_related = ["gateway"]
    search_fields = ["model_key", "upstream_id", "source"]
    form = OwnPriceForm
    fields = [
        *("model_key", "gateway", "per", "amount", "tokens_per_second", "currency"),
        *("option", "value", "source", "as_of"),
    ]

    def get_fields(self, request, obj=None) -> list[str]:
        """A listed price is only shown: it has no form, and nothing to work out."""
        has_form = self.has_change_permission(request, obj)
        return [name for name in self.fields if has_form or name != "tokens_per_second"]

    @admin.display(description="model")
    def shown_model(self, price: ModelPrice) -> str:
        return price.get_model_key_display() or price.upstream_id

    def has_change_permission(self, request, obj=None) -> bool:
        is_listed = obj is not None and obj.origin == ModelPrice.Origin.LISTING
        return not is_listed and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None) -> bool:
        is_listed = obj is not None and obj.origin == ModelPrice.Origin.LISTING
        return not is_listed and super().has_delete_permission(request, obj)


@admin.register(LedgerEntry)
class LedgerAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["at", "generation", "number", "kind", "held", "spent", "currency", "actor", "reason"]
    list_filter = ["kind", "currency", "at"]
    list_select_related = ["generation"]
    search_fields = ["generation__uuid", "reason", "actor"]
    show_full_result_count = False
    fields = ["generation", "number", "kind", "held", "spent", "currency", "at", "actor", "reason"]


@admin.register(CatalogSnapshot)
class SnapshotAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["gateway", "taken_at", "seen_at"]
    list_filter = ["gateway", "taken_at"]
    list_select_related = ["gateway"]
    fields = ["gateway", "taken_at", "seen_at", "listed"]


@admin.register(Drift)
class DriftAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["gateway", "kind", "what", "count", "first_at", "last_at"]
    list_filter = ["gateway", "kind"]
    list_select_related = ["gateway"]
    fields = ["gateway", "kind", "what", "count", "first_at", "last_at", "sample"]


@admin.register(Prompt)
class PromptAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["__str__", "team", "created_at", "used_at"]
    list_filter = ["team"]
    search_fields = ["text"]
    fields = ["team", "text", "created_at", "used_at"]


@admin.register(Event)
class EventAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["at", "generation", "before", "after", "actor", "reason"]
    list_filter = ["after", "actor_kind", "at"]
    list_select_related = ["generation"]
    search_fields = ["generation__uuid", "reason", "actor"]
    show_full_result_count = False
    fields = ["generation", "at", "before", "after", "actor", "actor_kind", "reason", "evidence"]


@admin.register(SubmitAttempt)
class AttemptAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["opened_at", "generation", "number", "outcome", "http_status", "closed_at", "decided_by"]
    list_filter = ["outcome", "opened_at"]
    list_select_related = ["generation", "decided_by"]
    search_fields = ["generation__uuid", "token"]
    show_full_result_count = False
    fields = ["generation", "number", "opened_at", "sent_at", "closed_at", "outcome", "http_status", "evidence"]
