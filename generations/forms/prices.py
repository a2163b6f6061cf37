"""An operator's own price, as it is entered."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.models import ModelPrice
from generations.specs import is_amount, money, rounded
from generations.specs.prices import MILLION

LONGEST_SOURCE = 200


class OwnPriceForm(forms.ModelForm):
    """A price per token can be entered with how many a second takes, and is kept as what a second costs.

    Only so can it be told before a video is made; both figures stand in the source.
    """

    tokens_per_second = forms.IntegerField(
        label=gettext_lazy("Tokens a second"),
        required=False,
        min_value=1,
        help_text=gettext_lazy(
            "Beside a price a million tokens: how many tokens a second of video takes. It is kept as a price a second "
            "then, with both figures in its source. Without it the price of a video stays unknown."
        ),
    )

    class Meta:
        model = ModelPrice
        fields = ("model_key", "gateway", "per", "amount", "currency", "option", "value", "source", "as_of")
        help_texts: ClassVar = {
            "value": gettext_lazy(
                "A value of the option; of a size also its tier; of words, links and images only “given”."
            )
        }

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        tokens, amount = given.get("tokens_per_second"), given.get("amount")
        if tokens is None or amount is None or "per" not in given:
            return given
        if given["per"] != "million_tokens":
            self.add_error("tokens_per_second", _("It goes with a price a million tokens."))
            return given
        a_second = rounded(Decimal(amount) * tokens / MILLION)
        if not is_amount(a_second):
            self.add_error("tokens_per_second", _("No second of video costs that much."))
            return given
        figures = f" ({money(amount, given.get('currency') or 'USD')} a million tokens, {tokens} tokens a second)"
        source = given.get("source", "")[: LONGEST_SOURCE - len(figures)] + figures
        return given | {"per": "second", "amount": a_second, "source": source}
