"""The merchant's terms as written in the settings file."""

from __future__ import annotations

from marshmallow import ValidationError

from pipeline.settings.fields import (
    Clock,
    Day,
    Form,
    Many,
    Named,
    OneOf,
    amount,
    switch,
    table,
    text,
    unknown_key,
    whole,
)
from schemas.concerns import ConcernType, Owner
from schemas.gaps import Gap
from schemas.terms import (
    ADJUSTMENT_KINDS,
    FEE_KINDS,
    BatchTerms,
    ChargeRule,
    ConsolidatedSales,
    Disposition,
    DispositionRule,
    EffectOwner,
    ExchangeReason,
    ExternalIds,
    Finding,
    Gate,
    GiftPolicy,
    NoteStyle,
    Posting,
    RefundRelease,
    ShippingRefund,
    Terms,
)

AVAILABILITY_TARGETS = ("none", "shopify", "feed")


class ExceptionTypes(Named):
    """A table whose names are exception types."""

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> dict[str, object]:
        read = super()._deserialize(value, attr, None)
        unknown = {
            name: [unknown_key(name, dict.fromkeys(ConcernType))] for name in read if name not in list(ConcernType)
        }
        if unknown:
            raise ValidationError(unknown)
        return read


class ExchangeTimers(Named):
    """A table whose names are reasons why an exchange waits."""

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> dict[str, object]:
        read = super()._deserialize(value, attr, None)
        known: dict[str, object] = dict.fromkeys(ExchangeReason)
        unknown = {name: [unknown_key(name, known)] for name in read if name not in list(ExchangeReason)}
        if unknown:
            raise ValidationError(unknown)
        return read


class Gaps(Named):
    """A table whose names are gaps."""

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> dict[str, object]:
        read = super()._deserialize(value, attr, None)
        unknown = {name: [unknown_key(name, dict.fromkeys(Gap))] for name in read if name not in list(Gap)}
        if unknown:
            raise ValidationError(unknown)
        return read


class BatchForm(Form):
    """[shops.NAME.terms.batch]."""

    builds = BatchTerms
    cut_off = Clock()
    max_count = whole(1, 10_000)
    max_amount = amount(allow_none=True)
    auto_release_below = amount(allow_none=True)


class DispositionForm(Form):
    """One [[shops.NAME.terms.dispositions]]."""

    builds = DispositionRule
    reason = text(required=True)
    finding = OneOf(Finding, load_default=None)
    disposition = OneOf(Disposition, required=True)
    location = text()
    account = text()


class ChargeForm(Form):
    """One fee or adjustment: how it is posted."""

    builds = ChargeRule
    description = text(required=True)
    account = text(required=True)
    tax_rule = text(required=True)
    once_per_return = switch()


class ChargeKinds(Named):
    """A table whose names are kinds of fees or adjustments: a misspelt one would never be used."""

    def __init__(self, form: ChargeForm, known: tuple[str, ...]) -> None:
        super().__init__(form)
        self._known: dict[str, object] = dict.fromkeys(known)

    def _deserialize(self, value: object, attr: str | None, data: object, **_: object) -> dict[str, object]:
        read = super()._deserialize(value, attr, None)
        unknown = {name: [unknown_key(name, self._known)] for name in read if name not in self._known}
        if unknown:
            raise ValidationError(unknown)
        return read


class TermsForm(Form):
    """[shops.NAME.terms]."""

    builds = Terms
    go_live = Day()
    gate = OneOf(Gate)
    style = OneOf(NoteStyle)
    posting = OneOf(Posting)
    batch = table(BatchForm)
    credit_note_owner = OneOf(EffectOwner)
    restock_owner = OneOf(EffectOwner)
    write_off_owner = OneOf(EffectOwner)
    refund_owner = OneOf(EffectOwner)
    refund_release = OneOf(RefundRelease)
    dispositions = Many(table(DispositionForm))
    sellable_location = text()
    quarantine_location = text()
    portal_locations = Named(text(required=True))
    sellable_locations = Many(text(required=True))
    sku_aliases = Named(text(required=True))
    tax_successors = Named(text(required=True))
    fees = ChargeKinds(ChargeForm(), FEE_KINDS)
    adjustments = ChargeKinds(ChargeForm(), ADJUSTMENT_KINDS)
    negative_charges = switch()
    shipping_refunds = OneOf(ShippingRefund)
    gift_policy = OneOf(GiftPolicy)
    external_ids = OneOf(ExternalIds)
    consolidated_sales = OneOf(ConsolidatedSales)
    refund_accounts = Named(text(required=True))
    write_off_account = text()
    write_off_approval_above = amount(allow_none=True)
    amount_tolerance = amount()
    return_tolerance = amount()
    goodwill_tolerance = amount()
    restock_value_tolerance = amount()
    check_restock_value = switch()
    late_arrival_account = text()
    release_exchanges = switch()
    exchange_timers = ExchangeTimers(whole(1))
    availability_target = OneOf(AVAILABILITY_TARGETS)
    availability_buffer = whole(0)
    thresholds = ExceptionTypes(whole(0))
    owners = ExceptionTypes(OneOf(Owner))
    gap_hours = Gaps(whole(0))
    gap_owners = Gaps(OneOf(Owner))
    exchange_marker = text()
