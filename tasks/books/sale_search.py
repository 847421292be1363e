"""Which sale in Cin7 is an order's: memory first, then the sale index, then Cin7's own search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from consumers.shared.whose_sale import Candidate, Order, Proof, bare_id, choose, like_a_name, not_found, proof
from pipeline.calls.quota import Priority
from pipeline.ledger import cursors, entries, sales
from pipeline.parts import Parts, ShopParts
from schemas.concerns import Concern, ConcernType
from schemas.sales import VOIDED, Sale, SaleRow


class SaleSearch:
    """Finds and remembers the sales of one shop's orders.

    What was remembered is believed only while the sale itself does not prove the opposite: `refused` holds the sales
    that were read and are another order's after all.
    """

    def __init__(self, parts: Parts, shop: ShopParts, order: Order) -> None:
        self._parts, self._shop, self._order = parts, shop, order
        self._refused: dict[str, Candidate] = {}

    def find(self) -> str | Concern:
        """The id of the order's one sale, or why there is none."""
        with self._parts.ledger.read() as conn:
            known = sales.sale_of_order(conn, self._shop.name, self._order.name)
            rows = self._indexed(conn)
        better = {one.sale_id for one in rows if _proof(self._order, one) is Proof.ID and not one.voided}
        if known and known not in self._refused and (not better or known in better):
            return known
        answer = choose(self._order, rows)
        # Where only voided sales are known, the order may have been imported again since the last list.
        if answer.kind is ConcernType.ORDER_NOT_FOUND if isinstance(answer, Concern) else answer[0].voided:
            answer = choose(self._order, self._searched(rows))
        if isinstance(answer, Concern):
            return answer
        return self._remember(answer[0].sale_id, answer[1])

    def refuses(self, sale: Sale) -> bool:
        """Whether the sale, as just read, is not this order's; then the next `find` looks on."""
        with self._parts.ledger.write() as conn:
            cursors.correct_sale_row(conn, self._shop.name, sale.sale_id, sale)
            tied = self._tied(conn, [sale.sale_id]).get(sale.sale_id, "")
            read = Candidate(
                sale.sale_id, sale.order_number, sale.customer_reference, sale.external_id, sale.voided, tied
            )
            how = _proof(self._order, read)
            # A reference that a person rewrote does not untie a sale; one that speaks for another order does.
            given = how is Proof.NONE and like_a_name(sale.customer_reference, self._order.name)
            if how is Proof.ID or not (tied or given or how in {Proof.STRANGER, Proof.MENTION}):
                return False
        self._refused[sale.sale_id] = read
        return True

    def nothing_left(self) -> Concern:
        """Every sale that was found turned out to be another order's."""
        return not_found(self._order, [(one, _proof(self._order, one)) for one in self._refused.values()])

    def _indexed(self, conn: sa.Connection) -> list[Candidate]:
        rows = sales.sales_named(conn, self._shop.name, spellings(self._order))
        return self._candidates(conn, rows)

    def _candidates(self, conn: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> list[Candidate]:
        found = {str(row["sale_id"]): row for row in rows}
        tied = self._tied(conn, found)
        return [
            self._refused.get(sale_id) or _candidate(sale_id, row, tied.get(sale_id, ""))
            for sale_id, row in found.items()
        ]

    def _tied(self, conn: sa.Connection, sale_ids: Iterable[str]) -> dict[str, str]:
        others = [name for name in self._parts.settings.same_company(self._shop.name) if name != self._shop.name]
        return cursors.tied_orders(conn, others, sale_ids) if others else {}

    def _searched(self, known: Iterable[Candidate]) -> list[Candidate]:
        """Ask Cin7; its search matches parts of words and does not look at External ID, so both are asked and the
        exact comparison is ours."""
        now, own = self._parts.clock(), bare_id(self._order.order_id)
        name = self._order.name.strip().lstrip("#").strip()
        rows = list(self._shop.cin7.find_sales(name, priority=Priority.MONEY)) if name else []
        if own and not any(_proof_of(self._order, row) in {Proof.ID, Proof.NAME, Proof.SHARED} for row in rows):
            rows += self._shop.cin7.find_external(own, priority=Priority.MONEY)
        with self._parts.ledger.write() as conn:
            for row in rows:
                if sales.keep_sale_row(conn, self._shop.name, row, now) is not None:
                    # The poll will not see this change as news any more: whoever waits for the sale is woken here.
                    entries.wake_sale(conn, self._shop.name, row.sale_id, now)
            kept = cursors.sales_by_id(conn, self._shop.name, [row.sale_id for row in rows])
            fresh = {one.sale_id: one for one in self._candidates(conn, kept)}
        return [*fresh.values(), *(one for one in known if one.sale_id not in fresh)]

    def _remember(self, sale_id: str, how: Proof) -> str:
        with self._parts.ledger.write() as conn:
            cursors.forget_sale(conn, self._shop.name, self._order.name)
            sales.remember_sale(conn, self._shop.name, self._order.name, sale_id, how, self._parts.clock())
        return sale_id


def spellings(order: Order) -> tuple[str, ...]:
    """How the sale index may hold the order's name and id. It is asked for exact texts, so each is written out."""
    stripped, own = order.name.strip(), bare_id(order.order_id)
    bare = stripped.lstrip("#").strip()
    names = {text for name in (stripped, bare, f"#{bare}") if bare for text in (name, name.upper(), name.lower())}
    ids = {own, order.order_id.strip(), f"gid://shopify/Order/{own}"} if own else set()
    return tuple(sorted(names | ids))


def _candidate(sale_id: str, row: Mapping[str, Any], tied_to: str) -> Candidate:
    voided = str(row["status"]).strip().upper() == VOIDED
    number, reference, external = (str(row[name]) for name in ("order_number", "customer_reference", "external_id"))
    return Candidate(sale_id, number, reference, external, voided, tied_to, row["updated"])


def _proof(order: Order, one: Candidate) -> Proof:
    return proof(order, one.order_number, one.reference, one.external_id)


def _proof_of(order: Order, row: SaleRow) -> Proof:
    return proof(order, row.order_number, row.customer_reference, row.external_id)
