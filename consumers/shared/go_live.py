"""What the go-live rule means for a plan: refused, held, or nothing in the way."""

from __future__ import annotations

from consumers.case import Case, Plan, Wait
from consumers.shared.posting_day import zone_of
from consumers.shared.waits import HOUR
from schemas.go_live import GoLive, standing
from schemas.sales import Tenant
from schemas.terms import Terms

UNDATED = "ReturnGO gave no creation date, so the return cannot be compared with the go-live date"


def held_back(case: Case, terms: Terms, tenant: Tenant | None) -> Plan | None:
    """The plan of a return that is not live; None for one that is.

    A return without a creation date waits. The credit-notes consumer, which hears every return, tells it; the others
    wait silently, so that there is one exception.
    """
    zone, created_at = zone_of(tenant), case.ret.created_at
    where = standing(created_at, terms.go_live, zone)
    if where is GoLive.NOT_SET:
        return Plan(refusal="before go-live: no go-live date is set for this shop")
    if where is GoLive.UNDATED or created_at is None:
        return Plan(waits=(Wait(UNDATED, HOUR),))
    if where is GoLive.BEFORE:
        created = created_at.astimezone(zone).date()
        return Plan(refusal=f"before go-live: created {created}, go-live is {terms.go_live}")
    return None
