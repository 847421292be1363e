"""What the stock decision asks of the books: memory first, Cin7 only where goods may have to move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from consumers.case import Case
from consumers.consumer import Books
from consumers.shared.dispositions import location_names
from consumers.shared.gate import goods_received
from consumers.shared.go_live import held_back
from consumers.shared.unknown_words import sale_wait
from consumers.stock_adjustments.moves import Moves, moves_of
from consumers.stock_adjustments.whereabouts import State, Whereabouts, whereabouts
from schemas.concerns import Concern, ConcernType
from schemas.returns import ENDED_STATUSES
from schemas.sales import Account, AvailabilityRow, Location, Sale, Tenant
from schemas.terms import EffectOwner, Terms


@dataclass(frozen=True, slots=True)
class GoodsFacts:
    """Everything asked. `sale` is read only for goods that came after their credit or whose restock was not posted;
    `stock` only for SKUs that are about to move."""

    tenant: Tenant | None = None
    locations: Mapping[str, Location | None] = field(default_factory=dict)
    accounts: Mapping[str, Account | None] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    stock: Mapping[str, Sequence[AvailabilityRow]] = field(default_factory=dict)
    sale: Sale | None = None
    trouble: Concern | None = None


def gather(case: Case, terms: Terms, books: Books) -> GoodsFacts:
    """Ask the books; while nothing of the return is credited, nothing but the company's settings."""
    before, tenant = whereabouts(case), books.tenant()
    nothing = all(one.state is State.UNCREDITED for one in before) or case.ret.status in ENDED_STATUSES
    if nothing or held_back(case, terms, tenant) is not None:
        return GoodsFacts(tenant=tenant)
    facts = _remembered(case, terms, books)
    if asked := {one.sale_id for one in before if sale_matters(case, one, terms)}:
        facts = _with_sale(facts, case, min(asked), books)
    log = whereabouts(case, facts.sale)
    moving = moves_of(case, log, terms, facts.locations)
    return replace(facts, stock={sku: books.stock_of(sku) for sku in _skus(moving)})


def sale_matters(case: Case, one: Whereabouts, terms: Terms) -> bool:
    """Whether the decision about this unit hangs on the sale."""
    if one.state is State.OPEN:
        return True
    arrived = one.state is State.AWAITED and not one.busy and goods_received(case.ret, one.unit)
    return arrived and terms.restock_owner is EffectOwner.RETURNLINE


def _remembered(case: Case, terms: Terms, books: Books) -> GoodsFacts:
    codes = {terms.write_off_account, terms.late_arrival_account, *(rule.account for rule in terms.dispositions)}
    names = {*location_names(terms), *(one.location_id for one in whereabouts(case))}
    aliases = {unit.sku: books.alias(unit.sku) for unit in case.ret.units if unit.sku}
    return GoodsFacts(
        tenant=books.tenant(),
        locations={name: books.location(name) for name in sorted(names) if name},
        accounts={code: books.account(code) for code in sorted(codes) if code},
        aliases={**{sku: alias for sku, alias in aliases.items() if alias}, **terms.sku_aliases},
    )


def _with_sale(facts: GoodsFacts, case: Case, sale_id: str, books: Books) -> GoodsFacts:
    """The sale of the credit note, whatever sale carries the order's name by now."""
    sale = books.read_sale(sale_id)
    if sale is not None:
        unclear = sale_wait(sale, case)
        return replace(facts, trouble=unclear.concern) if unclear else replace(facts, sale=sale)
    cause = "the sale of the credit note is no longer in Cin7, so it does not tell where these goods belong"
    step = "find out who deleted the sale; put the goods into stock in Cin7 by hand, then accept this"
    return replace(facts, trouble=Concern(ConcernType.CN_DRIFT, cause, step))


def _skus(moves: Moves) -> list[str]:
    return sorted({part.sku for move in moves.moves for part in move.goods.parts})
