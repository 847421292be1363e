"""Company settings and reference books: /me, /ref/..., /customer and the journal lines."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sandbox.books.catalogue import Account, Customer, Location, TaxRule
from sandbox.books.journal import Entry
from sandbox.books.numbers import ZERO
from sandbox.books.sales import document_totals
from sandbox.cin7.ask import Ask, date_of
from sandbox.cin7.errors import Refusal
from sandbox.cin7.render import business_date, stamp


def me(ask: Ask) -> dict[str, Any]:
    """GET /me."""
    tenant = ask.books.tenant
    return {
        "Company": tenant.company, "Currency": tenant.currency, "TimeZone": tenant.time_zone, "DefaultWeightUnits": "g",
        "DefaultDimensionsUnits": "cm", "LockDate": business_date(tenant.lock_date, "lock"),
        "OpeningBalanceDate": None, "TaxCalculationMethod": tenant.tax_method,
        "DefaultSaleTaxRuleName": "20% (VAT on Income)", "MaximumDecimalPlacesInQuantity": tenant.decimals_in_quantity,
        "ApplyCustomerDiscountsAfterOtherDiscounts": False, "DiscountRule": "Multiply",
        "AutomaticallyApplyDiscounts": tenant.auto_discounts, "RoundingTable": [],
    }  # fmt: skip


def locations(ask: Ask) -> dict[str, Any]:
    """GET /ref/location: deprecated ones only when asked for; bins in the top row, their GUIDs upper case."""
    only_deprecated = ask.text("Deprecated").lower() == "true"
    rows = [
        _location(one)
        for one in ask.books.catalogue.locations.values()
        if (one.deprecated or not only_deprecated)
        and one.name.lower().startswith(ask.text("Name").lower())
        and ask.text("ID").lower() in ("", one.id)
    ]
    return ask.page("LocationList", rows)


def _location(one: Location) -> dict[str, Any]:
    bins = [
        {"ID": shelf.id, "Name": shelf.name, "IsDeprecated": shelf.deprecated, "IsStaging": False} for shelf in one.bins
    ]
    return {
        "ID": one.id, "Name": one.name, "IsDefault": one.default, "IsDeprecated": one.deprecated, "Bins": bins or None,
        "FixedAssetsLocation": False, "ParentID": None, "ParentName": None, "ReferenceCount": 0, "AddressLine1": "",
        "IsCoMan": False, "IsShopfloor": False, "IsStaging": False,
    }  # fmt: skip


def tax_rules(ask: Ask) -> dict[str, Any]:
    """GET /ref/tax."""
    rows = [
        _tax_rule(one)
        for one in ask.books.catalogue.tax_rules.values()
        if one.name.lower().startswith(ask.text("Name").lower())
        and ask.text("ID").lower() in ("", one.id)
        and ask.text("IsActive").lower() in ("", str(one.active).lower())
        and ask.text("IsTaxForSale").lower() in ("", str(one.for_sale).lower())
        and ask.text("IsTaxForPurchase").lower() in ("", str(one.for_purchase).lower())
    ]
    return ask.page("TaxRuleList", rows)


def _tax_rule(one: TaxRule) -> dict[str, Any]:
    part = {
        "ID": one.id, "Name": one.name, "Percent": f"{one.percent:.10f}", "AccountCode": one.account, "Compound": False,
        "ComponentOrder": "1",
    }  # fmt: skip
    return {
        "ID": one.id, "Name": one.name, "Account": one.account, "IsActive": one.active, "TaxInclusive": False,
        "TaxPercent": one.percent, "IsTaxForSale": one.for_sale, "IsTaxForPurchase": one.for_purchase,
        "Components": [part],
    }  # fmt: skip


def accounts(ask: Ask) -> dict[str, Any]:
    """GET /ref/account: an unknown Code is a 400, not an empty list (measured by integrators)."""
    code = ask.text("Code")
    if code and ask.books.catalogue.account(code) is None:
        raise Refusal("Account with specified ID not found")
    rows = [
        _account(one)
        for one in ask.books.catalogue.accounts.values()
        if code in ("", one.code) and one.name.lower().startswith(ask.text("Name").lower())
    ]
    return ask.page("AccountsList", rows)


def _account(one: Account) -> dict[str, Any]:
    return {
        "Code": one.code, "Name": one.name, "Type": one.kind.title(), "Status": "ACTIVE" if one.active else "ARCHIVED",
        "Description": None, "Class": one.kind, "SystemAccount": one.system or "", "SystemAccountCode": one.system,
        "ForPayments": one.for_payments, "DisplayName": f"{one.code}: {one.name}", "OldCode": None, "Currency": None,
    }  # fmt: skip


def customers(ask: Ask) -> dict[str, Any]:
    """GET /customer: Name is a prefix, ContactFilter an e-mail."""
    rows = [
        _customer(one, ask)
        for one in ask.books.catalogue.customers.values()
        if one.name.lower().startswith(ask.text("Name").lower())
        and ask.text("ID").lower() in ("", one.id)
        and ask.text("ContactFilter").lower() in ("", one.email.lower())
    ]
    return ask.page("CustomerList", rows)


def _customer(one: Customer, ask: Ask) -> dict[str, Any]:
    return {
        "ID": one.id, "Name": one.name, "DisplayName": one.name, "Status": "Active", "Currency": one.currency,
        "PaymentTerm": "Due on receipt", "TaxRule": "20% (VAT on Income)", "PriceTier": "Tier 1",
        "AccountReceivable": "610", "RevenueAccount": "200", "Location": None, "Discount": ZERO,
        "LastModifiedOn": stamp(ask.now), "Addresses": [], "Contacts": [], "ChildCustomers": None,
    }  # fmt: skip


def credits(ask: Ask) -> dict[str, Any]:  # noqa: A001  (the endpoint's name)
    """GET /ref/customer/credits: pages without a Total; open balances of authorised notes."""
    wanted = ask.text("CustomerID").lower()
    rows = []
    for sale in ask.books.sales.values():
        for note in sale.notes:
            total = document_totals([*note.lines, *note.charges], inclusive=sale.tax_inclusive)[2]
            paid = sum(
                (one.amount for one in sale.payments if one.task_id == note.task_id and one.kind == "REFUND"), ZERO
            )
            left = total - paid
            if (
                note.status == "AUTHORISED"
                and wanted in ("", sale.customer_id)
                and (left > 0 or ask.flag("ShowUsedCredits"))
            ):
                rows.append(
                    {
                        "CreditID": note.task_id,
                        "CustomerID": sale.customer_id,
                        "CustomerName": sale.customer,
                        "Account": "610",
                        "Amount": total,
                        "RemainingAmount": left,
                        "Currency": sale.currency,
                        "ConvRate": note.rate,
                        "Date": business_date(note.day, sale.id),
                        "Description": note.number,
                    }
                )
    return ask.page("CustomerCredits", rows, total=False)


def transactions(ask: Ask) -> dict[str, Any]:
    """GET /transactions: journal lines between FromDate and ToDate, of one Account or all."""
    first, last, account = date_of(ask.text("FromDate")), date_of(ask.text("ToDate")), ask.text("Account")
    rows = [
        {
            "TaskID": entry.task_id, "EffectiveDate": business_date(entry.day, entry.id),
            "Reference": entry.reference, "Type": "Sale" if entry.narration in _SALE_WORDS else entry.narration,
            "Transaction": f"{entry.narration} - {entry.reference}", "DebitAccountCode": debit,
            "CreditAccountCode": credit, "Amount": amount,
        }
        for entry in ask.books.journal.entries
        if (first is None or entry.day >= first) and (last is None or entry.day <= last)
        for debit, credit, amount in _pairs(entry)
        if account in ("", debit, credit)
    ]  # fmt: skip
    return ask.page("Transactions", rows)


#: What Cin7 calls a sale in its journal: everything inside the sale's document (Cin7 blueprint).
_SALE_WORDS = frozenset({"Credit note", "Restock", "Sale", "Sale COGS"})


def _pairs(entry: Entry) -> Iterator[tuple[str, str, Decimal]]:
    """The posting as Cin7 lists it: each line one debit account, one credit account and an amount."""
    taking = [(leg.account, leg.amount) for leg in entry.legs if leg.amount > 0]
    giving = [(leg.account, -leg.amount) for leg in entry.legs if leg.amount < 0]
    while taking and giving:
        (to, taken), (of, given) = taking.pop(0), giving.pop(0)
        amount = min(taken, given)
        yield to, of, amount
        if taken > amount:
            taking.insert(0, (to, taken - amount))
        if given > amount:
            giving.insert(0, (of, given - amount))
