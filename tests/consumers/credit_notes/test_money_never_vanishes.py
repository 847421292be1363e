"""Whatever an invoice holds, however many pieces come back: known parts are credited exactly and nothing vanishes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from consumers.case import Plan
from schemas.actions import PostCreditNote
from schemas.concerns import ConcernType
from schemas.money import Money, coin_of
from schemas.returns import DONE, Return, Unit
from schemas.sales import DocumentLine, Sale, TaxRule
from schemas.terms import ChargeRule, GiftPolicy, Terms
from tests.consumers.builders import VAT, a_case, a_line, a_return, a_sale, a_unit, an_invoice
from tests.consumers.credit_notes.money_stories import FEES, a_refund, money_terms, posted, taken
from tests.consumers.credit_notes.test_known_parts import a_charge, with_charges
from tests.consumers.decide import decided, kinds

#: Bounded and the same every time: each example plans a whole return of up to 500 pieces.
MANY = settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
NAMED = {**money_terms().adjustments, "shipping": ChargeRule("Shipping", "210", VAT)}
CHARGES = ("Shipping", "Gift wrapping", "Insurance")


@dataclass(frozen=True)
class Story:
    """One invoice, the pieces of it that come back, the fees they owe, and whose money it is in."""

    currency: str
    inclusive: bool
    price: Decimal
    sold: int
    back: int
    gifts: int
    gifts_back: int
    charges: tuple[Decimal, ...]
    fees: tuple[Decimal, ...]

    @property
    def coin(self) -> Decimal:
        return coin_of(self.currency)

    @property
    def tax(self) -> Decimal:
        return (self.price / 5).quantize(Decimal("0.0001")) if not self.inclusive else Decimal(0)

    def sale(self) -> Sale:
        lines: list[DocumentLine] = [
            a_line("SOCK", self.sold, str(self.price), tax=str(self.tax * self.sold), currency=self.currency)
        ]
        if self.gifts:
            lines.append(a_line("MUG", self.gifts, "9", discount="100", currency=self.currency))
        made = [
            a_charge(name, str(amount), currency=self.currency)
            for name, amount in zip(CHARGES, self.charges, strict=False)
        ]
        invoice = with_charges(an_invoice(*lines, inclusive=self.inclusive), *made, inclusive=self.inclusive)
        return a_sale(invoice, tax_inclusive=self.inclusive, currency=self.currency)

    def units(self) -> list[Unit]:
        def unit(number: int, sku: str, paid: Decimal) -> Unit:
            tax = self.tax if paid else 0
            return a_unit(f"u{number:03}", sku, str(paid), tax=str(tax), currency=self.currency)

        each = (self.price + self.tax).quantize(self.coin)
        units = [unit(n, "SOCK", each) for n in range(self.back)]
        restocking, label = (*self.fees, Decimal(0), Decimal(0))[:2]
        units[0] = replace(units[0], restocking_fee=restocking, return_fee=label)
        return units + [unit(self.back + n, "MUG", Decimal(0)) for n in range(self.gifts_back)]

    @property
    def goods(self) -> Decimal:
        return (self.price + self.tax) * self.back

    def returned(self, refund: Decimal | None, status: str = DONE) -> Return:
        rows = (a_refund(str(refund), currency=self.currency),) if refund is not None else ()
        return a_return(*self.units(), transactions=rows, status="Validated" if refund is None else status)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    currency = draw(st.sampled_from(["GBP", "JPY", "KWD"]))
    coin = coin_of(currency)
    coins = st.integers(1, 9_999).map(lambda n: n * coin)
    sold = draw(st.integers(1, 500))
    back = draw(st.integers(1, sold))
    gifts = draw(st.integers(0, 2))
    return Story(
        currency=currency,
        inclusive=draw(st.booleans()),
        # Net prices that a fifth of tax leaves in whole coins.
        price=draw(st.integers(1, 2_000)) * 5 * coin,
        sold=sold,
        back=back,
        gifts=gifts,
        gifts_back=draw(st.integers(0, gifts)),
        charges=tuple(draw(st.lists(coins, max_size=3))),
        fees=tuple(draw(st.lists(st.integers(1, 4).map(lambda n: n * coin), max_size=2))),
    )


def settle(story: Story, refund: Decimal | None, terms: Terms) -> Plan:
    rules = [TaxRule(VAT, Decimal(20), active=True, for_sale=True)]
    return decided(story.returned(refund), story.sale(), terms, tax_rules=rules)


def credited(plan: Plan) -> Decimal | None:
    notes = [note for note in plan.actions if isinstance(note, PostCreditNote)]
    return sum((note.gross.amount for note in notes), Decimal(0)) if notes else None


GENEROUS = money_terms(gift_policy=GiftPolicy.IGNORE, adjustments=NAMED, fees=FEES)


@MANY
@given(story=stories(), data=st.data())
def test_the_exact_sum_of_known_parts_is_credited_exactly_or_named_as_one_of_several_meanings(
    story: Story, data: st.DataObject
) -> None:
    kept = [fee for fee in story.fees if data.draw(st.booleans(), "kept")]
    given_back = [charge for charge in story.charges if data.draw(st.booleans(), "given back")]
    refund = story.goods - sum(kept) + sum(given_back)
    if refund <= 0:
        return
    plan = settle(story, refund, GENEROUS)
    amount = credited(plan)
    if amount is None:
        [concern] = plan.all_concerns()
        assert "may be" in concern.cause or "more than the credit" in concern.cause
        event("a person's call")
        return
    event(f"credited with {len(given_back)} charges and {len(story.fees) - len(kept)} fees let go")
    assert abs(amount - refund) < story.coin
    assert plan.all_concerns() == ()


@MANY
@given(story=stories(), off=st.integers(-700, 700), strict=st.booleans())
def test_no_amount_of_a_coin_or_more_vanishes_whatever_was_refunded(story: Story, off: int, strict: bool) -> None:
    refund = story.goods - sum(story.fees) + off * story.coin
    if refund <= 0:
        return
    terms = GENEROUS if strict else replace(GENEROUS, amount_tolerance=story.coin * 5, return_tolerance=story.coin * 50)
    assert_told(settle(story, refund, terms), refund, story)


@MANY
@given(story=stories(), off=st.integers(-700, 700))
def test_nor_does_it_where_the_money_goes_out_after_the_note(story: Story, off: int) -> None:
    first = settle(story, None, GENEROUS)
    note = next((one for one in first.actions if isinstance(one, PostCreditNote)), None)
    refund = story.goods + off * story.coin
    if note is None or refund <= 0:
        return
    sale = replace(story.sale(), credit_notes=(posted(note),))
    case = a_case(story.returned(refund), taken(note))
    plan = decided(case, sale, GENEROUS)
    before = note.gross - (note.fees_withheld or note.gross * 0)
    assert_told(plan, refund, story, before.amount)


@MANY
@given(story=stories())
def test_a_gift_is_earned_by_its_own_pieces_alone(story: Story) -> None:
    terms = replace(GENEROUS, gift_policy=GiftPolicy.HOLD)
    plan = settle(story, None, terms)
    assert (ConcernType.GIFT_UNEARNED in kinds(plan)) == (story.gifts_back < story.gifts)


def assert_told(plan: Plan, refund: Decimal, story: Story, before: Decimal = Decimal(0)) -> None:
    """The difference is on a note, in a remark or in an exception that a person sees."""
    difference = refund - before - (credited(plan) or Decimal(0))
    if abs(difference) <= story.coin:
        event("agrees")
        return
    said = " ".join(plan.remarks)
    money = Money(abs(difference), story.currency)
    in_words = str(money) in said or f"{refund}" in said.replace(",", "")
    event("told" if plan.all_concerns() else "remarked")
    assert plan.all_concerns() or in_words, (difference, said)
