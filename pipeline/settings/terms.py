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
    key,
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
    cut_off = key(
        "After this the batch takes nothing more, is planned once more and waits for finance; company's time zone.",
        Clock(),
    )
    max_count = key("Most credit notes in a batch; with more the day has several batches.", whole(1, 10_000))
    max_amount = key("Most in a batch, base currency, gross; left out: no limit.", amount(allow_none=True))
    auto_release_below = key(
        "A smaller batch, base currency, gross, goes without finance; left out: never.", amount(allow_none=True)
    )


class DispositionForm(Form):
    """One [[shops.NAME.terms.dispositions]]."""

    builds = DispositionRule
    reason = key("The return's reason; * is any.", text(required=True))
    finding = key("What is known about the goods; left out: anything.", OneOf(Finding, load_default=None))
    disposition = key("What happens to the goods.", OneOf(Disposition, required=True))
    location = key("Cin7 Core location of the goods; left out: the shop's sellable or quarantine location.", text())
    account = key("Account of a write-off; left out: write_off_account.", text())


class ChargeForm(Form):
    """One fee or adjustment: how it is posted."""

    builds = ChargeRule
    description = key("Name of the Service product on the credit note.", text(required=True))
    account = key("Account the charge is posted to.", text(required=True))
    tax_rule = key(
        "Tax rule of the charge; * (adjustments only) takes the credited lines' rates, pro rata.", text(required=True)
    )
    once_per_return = key("The portal repeats one fee of the whole return on each of its items.", switch())


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
    go_live = key(
        "Nothing is posted for a return made before this day of the company's calendar; left out: nothing at all.",
        Day(),
    )
    gate = key("When a unit may be credited.", OneOf(Gate))
    style = key(
        "A credit note is drafted, compared and authorised, or authorised at once: a call and a check less.",
        OneOf(NoteStyle),
    )
    posting = key("Credit notes one by one, or in batches that finance releases.", OneOf(Posting))
    batch = key("When a batch closes and who lets it go.", table(BatchForm))
    credit_note_owner = key(
        "Who makes credit notes: Returnline, Cin7 Core's own Shopify channel (native), or nobody.", OneOf(EffectOwner)
    )
    restock_owner = key("Who restocks.", OneOf(EffectOwner))
    write_off_owner = key("Who writes off.", OneOf(EffectOwner))
    refund_owner = key("Who records refunds in Cin7 Core.", OneOf(EffectOwner))
    refund_release = key("How ReturnGO is told that goods are credited and restocked.", OneOf(RefundRelease))
    dispositions = key(
        "What happens to the goods by reason and finding; the first match wins, no match waits for a person.",
        Many(table(DispositionForm)),
    )
    sellable_location = key("Where restocked goods go.", text())
    quarantine_location = key("Where goods go that are not for sale.", text())
    portal_locations = key("ReturnGO's location to Cin7 Core's.", Named(text(required=True)))
    sellable_locations = key("Shoppers are served from these: their Available is added up.", Many(text(required=True)))
    sku_aliases = key("The portal's SKU to Cin7 Core's.", Named(text(required=True)))
    tax_successors = key("An inactive tax rule to the one to use now.", Named(text(required=True)))
    fees = key("How each fee is posted.", ChargeKinds(ChargeForm(), FEE_KINDS))
    adjustments = key("How each adjustment is posted.", ChargeKinds(ChargeForm(), ADJUSTMENT_KINDS))
    negative_charges = key(
        "Whether Cin7 Core takes negative charges; if not, fees are kept from the refund payment.", switch()
    )
    shipping_refunds = key(
        "When a refund above the goods is read as shipping: never, exactly what is left of it, or up to that.",
        OneOf(ShippingRefund),
    )
    gift_policy = key(
        "A free item stays with the shopper while paid ones come back: hold for a person, or ignore.", OneOf(GiftPolicy)
    )
    external_ids = key(
        "Whether a sale's External ID in Cin7 Core holds the shop's order id or something that is to be ignored.",
        OneOf(ExternalIds),
    )
    consolidated_sales = key(
        "A sale of several orders: ask a person, or credit what is unique without doubt.", OneOf(ConsolidatedSales)
    )
    refund_accounts = key("The account that each kind of refund leaves.", Named(text(required=True)))
    write_off_account = key("Account of write-offs.", text())
    write_off_approval_above = key(
        "Above this original cost, base currency, finance approves a write-off; left out: never asked.",
        amount(allow_none=True),
    )
    amount_tolerance = key("Per unit, document currency: the portal's paid price against the invoice.", amount())
    return_tolerance = key("Over all units of a return, document currency: what passes unasked.", amount())
    goodwill_tolerance = key(
        "Per refund, document currency: a difference up to this is posted as goodwill or short refund unasked.",
        amount(),
    )
    restock_value_tolerance = key("How far the cost of restocked goods may lie from the cost they left with.", amount())
    check_restock_value = key(
        "Checks whether the goods came back at the cost they left with: one idle-time read a credit note.", switch()
    )
    late_arrival_account = key("Goods that arrive after their credit go into stock against this account.", text())
    release_exchanges = key("Authorises a draft exchange order in Cin7 Core once all its conditions are met.", switch())
    exchange_timers = key(
        "How long an exchange waits for each reason until it becomes an exception.", ExchangeTimers(whole(1))
    )
    availability_target = key("Where stock is shown.", OneOf(AVAILABILITY_TARGETS))
    availability_buffer = key("Units of each SKU that are kept back.", whole(0))
    thresholds = key("How long each gap lasts until it becomes an exception.", ExceptionTypes(whole(0)))
    owners = key("Who owns each type of exception.", ExceptionTypes(OneOf(Owner)))
    gap_hours = key("How long each gap lasts until `returnline gaps` counts it.", Gaps(whole(0)))
    gap_owners = key("Who owns each gap.", Gaps(OneOf(Owner)))
    exchange_marker = key(
        "A word that exchange orders carry in Customer Reference with the order's name or the RMA.", text()
    )
