"""`returnline explain RMA`: the story of one return, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import click

from console.cli._ledger import at, opened, print_json
from console.cli._options import settings_options
from pipeline.settings.environment import secrets_of
from pipeline.settings.values import Settings


@click.command()
@settings_options
@click.argument("rma")
@click.option("--shop", default="", help="Shop, where two shops know the same number.")
@click.option("--verbose", "-v", is_flag=True, help="Also what was sent and answered, word for word.")
@click.option("--json", "as_json", is_flag=True, help="Print it as data.")
def command(settings: Settings, rma: str, shop: str, verbose: bool, as_json: bool) -> None:
    """Tell what happened to a return: deliveries, facts, plan, calls, effects, exceptions, dead letters."""
    from pipeline.ledger import returns
    from pipeline.ledger.reports.story import shops_of, story
    from pipeline.log import Redaction

    with opened(settings) as ledger, ledger.read() as conn:
        found = returns.find(conn, rma, shop)
        if not found:
            raise click.ClickException(f"no return {rma} is known here; `returnline rehearse {rma}` asks ReturnGO")
        if len(found) > 1:
            raise click.UsageError(f"several shops know RMA {rma}: {shops_of(found)}; name one with --shop")
        told = story(conn, found[0])
    told = Redaction(secrets_of(settings)).clean(told)
    if as_json:
        print_json(told)
        return
    for line in tell(told, verbose=verbose):
        click.echo(line)


def tell(told: Mapping[str, Any], *, verbose: bool = False) -> Iterator[str]:
    """The story line by line; times are in the machine's zone."""
    sale = f", Cin7 sale {told['sale']}" if told["sale"] else ""
    yield f"RMA {told['rma']} of {told['shop']}: order {told['order'] or 'not known yet'}{sale}"
    yield from _section("What reached us", _deliveries(told))
    yield from _section("What ReturnGO says", _reading(told))
    yield from _section("What was planned, and why", _work(told))
    yield from _section("What we did", _effects(told))
    yield from _section("Every call", _attempts(told, verbose=verbose))
    yield from _section("Exceptions", _exceptions(told))
    yield from _section("Dead letters", _letters(told))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield ""
    yield title
    empty = True
    for line in lines:
        empty = False
        yield f"  {line}"
    if empty:
        yield "  nothing"


def _deliveries(told: Mapping[str, Any]) -> Iterator[str]:
    for one in told["deliveries"]:
        yield f"{at(one['received_at'])}  {one['source']} {one['topic']} ({one['subject']}): {one['outcome']}"


def _reading(told: Mapping[str, Any]) -> Iterator[str]:
    reading = told["reading"]
    if reading["read_at"]:
        count = len(told["units"])
        yield f"{at(reading['read_at'])}  status {reading['status']}, {count} unit{'s' * (count != 1)}"
    else:
        yield "not read yet"
    if reading["trouble"]:
        yield f"the last reading failed: {reading['trouble']}; again at {at(reading['due_at'])}"
    for unit in told["units"]:
        yield f"unit {unit['returned_item_id']}: {unit['sku']}, paid {_amount(unit['paid'], unit['currency'])}"
        why = ", ".join(word for word in (unit["reason"], unit["resolution"]) if word)
        if why:
            yield f"    {why}"
        for name, fact in unit["facts"].items():
            yield f"    {name}: {_fact(fact, unit['currency'])}"


def _fact(fact: Mapping[str, Any] | None, currency: str) -> str:
    if fact is None:
        return "no"
    more = [value for name, value in fact.items() if name != "at" and value not in (None, "")]
    words = [_amount(value, currency) if isinstance(value, Decimal) else str(value) for value in more]
    return ", ".join([at(fact["at"]), *words])


def _amount(amount: Decimal | None, currency: str) -> str:
    from schemas.money import Money

    return "-" if amount is None or not currency else str(Money(amount, currency))


def _work(told: Mapping[str, Any]) -> Iterator[str]:
    for entry in told["work"]:
        due = f", looked at again {at(entry['due_at'])}" if entry["due_at"] else ""
        why = f": {entry['reason']}" if entry["reason"] else ""
        yield f"{entry['consumer']}: {entry['state']} since {at(entry['since'])}{why}{due}"
        yield from plan_lines(entry["plan"] or {})


def plan_lines(plan: Mapping[str, Any]) -> Iterator[str]:
    """One plan: what it does, what waits, what it declines, what a person must know."""
    for action in plan.get("actions", ()):
        yield f"    do {action['do']} {action.get('key', '')}: {_action(action)}"
    for wait in plan.get("waits", ()):
        yield f"    wait: {wait['reason']}"
    if plan.get("refusal"):
        yield f"    decline: {plan['refusal']}"
    for concern in plan.get("exceptions", ()):
        yield f"    exception {concern['kind']}: {concern['cause']}"
    for remark in plan.get("remarks", ()):
        yield f"    note: {remark}"


def _action(action: Mapping[str, Any]) -> str:
    """The parts of an action that a person asks for, as far as it has them."""
    said = [f"units {', '.join(action.get('units', ()))}"]
    for name in ("net", "tax", "gross", "amount"):
        money = action.get(name)
        if isinstance(money, Mapping):
            said.append(f"{name} {_amount(Decimal(money['amount']), money['currency'])}")
    if action.get("invoice_number"):
        said.append(f"invoice {action['invoice_number']}")
    said += [f"restock {Decimal(line['quantity']).normalize():f} x {line['sku']}" for line in action.get("restock", ())]
    for goods in action.get("goods", ()):
        fate = f"{goods['disposition'] or 'no stock movement'} {goods['location']}".strip()
        said += [f"unit {goods['unit']}: {fate}"]
    return ", ".join(said)


def _effects(told: Mapping[str, Any]) -> Iterator[str]:
    for one in told["effects"]:
        number = f" {one['number']}" if one["number"] else ""
        yield f"{at(one['confirmed_at'] or one['sent_at'] or one['planned_at'])}  {one['do']}: {one['state']}{number}"
        yield f"    {one['key']}, mark {one['marker']}, sends: {one['sends']}"
        if one["gross"] is not None:
            sums = ((word, _amount(one[word], one["currency"])) for word in ("net", "tax", "gross"))
            yield f"    {', '.join(f'{word} {amount}' for word, amount in sums)} ({one['source']})"
        if one["why"]:
            yield f"    {one['why']}"


def _attempts(told: Mapping[str, Any], *, verbose: bool) -> Iterator[str]:
    for one in told["attempts"]:
        status = one["status"] if one["status"] is not None else "no answer"
        took = f"{one['seconds']:.2f} s"
        yield f"{at(one['at'])}  {one['system']} {one['method']} {one['path']}: {status}, {one['outcome']}, {took}"
        if verbose:
            for word in ("sent", "answered"):
                if one[word]:
                    yield f"    {word}: {one[word]}"


def _exceptions(told: Mapping[str, Any]) -> Iterator[str]:
    for one in told["exceptions"]:
        closed = f", closed {at(one['closed_at'])} by {one['closed_by']}" if one["closed_at"] else ""
        money = f", {_amount(one['money'], one['currency'])}" if one["money"] is not None else ""
        yield f"{at(one['opened_at'])}  {one['id']} {one['type']} ({one['owner']}{money}){closed}: {one['cause']}"
        if not one["closed_at"]:
            yield f"    next: {one['next_step']}"
    for one in told["accepted"]:
        yield f"{at(one['at'])}  {one['type']} accepted by {one['by']}: {one['reason']}"


def _letters(told: Mapping[str, Any]) -> Iterator[str]:
    for one in told["dead_letters"]:
        state = f"{one['state']} ({one['note']})" if one["note"] else one["state"]
        yield f"{at(one['buried_at'])}  {one['id']} {one['queue']}/{one['stage']}, {state}: {one['reason']}"
