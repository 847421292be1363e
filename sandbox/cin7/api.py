"""The practice Cin7's front door: credentials, quota, path and method, then the endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.books.ledger import BOOK_RULES, Refused
from sandbox.cin7 import creditnotes, payments, products, reference, sales, warehouse, webhooks
from sandbox.cin7.ask import Ask
from sandbox.cin7.errors import SHAPES, Problem, Refusal, answer_for, page_not_found
from sandbox.cin7.render import dumps
from sandbox.front.spelling import SPELLINGS, respelled
from sandbox.quota import SlidingWindow, throttle_answer
from sandbox.world import World

ACCOUNT_ID = "a0000000-0000-4000-8000-000000000001"
APPLICATION_KEY = "b0000000-0000-4000-8000-000000000001"
SECOND_KEY = "b0000000-0000-4000-8000-000000000002"
PREFIX = "/cin7/externalapi/v2/"

Endpoint = Callable[[Ask], Any]
ENDPOINTS: dict[str, dict[str, Endpoint]] = {
    "me": {"GET": reference.me},
    "salelist": {"GET": sales.sale_list},
    "salecreditnotelist": {"GET": sales.credit_note_list},
    "sale": {"GET": sales.read_sale, "POST": sales.create_sale, "PUT": sales.change_sale, "DELETE": sales.delete_sale},
    "sale/order": {"GET": sales.read_order, "POST": sales.write_order},
    "sale/invoice": {"GET": sales.read_invoices},
    "sale/fulfilment": {"GET": sales.read_fulfilments, "POST": sales.add_fulfilment},
    "sale/creditnote": {"GET": creditnotes.read, "POST": creditnotes.write, "DELETE": creditnotes.take_back},
    "sale/payment": {
        "GET": payments.read, "POST": payments.create, "PUT": payments.change, "DELETE": payments.delete,
    },
    "ref/location": {"GET": reference.locations},
    "ref/tax": {"GET": reference.tax_rules},
    "ref/account": {"GET": reference.accounts},
    "ref/productavailability": {"GET": products.availability},
    "ref/customer/credits": {"GET": reference.credits},
    "customer": {"GET": reference.customers},
    "product": {"GET": products.products},
    "productfamily": {"GET": products.families},
    "stockadjustmentlist": {"GET": warehouse.list_adjustments},
    "stockadjustment": {
        "GET": warehouse.read_adjustment, "POST": warehouse.write_adjustment, "PUT": warehouse.write_adjustment,
        "DELETE": warehouse.take_back_adjustment,
    },
    "stocktransferlist": {"GET": warehouse.list_transfers},
    "stocktransfer": {
        "GET": warehouse.read_transfer, "POST": warehouse.write_transfer, "PUT": warehouse.write_transfer,
        "DELETE": warehouse.take_back_transfer,
    },
    "inventorywriteofflist": {"GET": warehouse.list_write_offs},
    "inventorywriteoff": {
        "GET": warehouse.read_write_off, "POST": warehouse.write_write_off, "PUT": warehouse.write_write_off,
        "DELETE": warehouse.take_back_write_off,
    },
    "transactions": {"GET": reference.transactions},
    "webhooks": {"GET": webhooks.read, "POST": webhooks.create, "PUT": webhooks.change, "DELETE": webhooks.delete},
}  # fmt: skip
SETTINGS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    **BOOK_RULES,
    "cin7_account_id": (ACCOUNT_ID, ()),
    "spelling": ("own", SPELLINGS),
    "other_words": ({}, ()),
    "cin7_keys": ([APPLICATION_KEY, SECOND_KEY], ()),
    "quota": (60, ()),
    "quota_counts_refused": (True, (True, False)),
    "throttle_form": ("seeded", ("seeded", "429", "503", "400")),
    "throttle_retry_after": ("60 Seconds", ()),
    "error_shape": ("seeded", ("seeded", *SHAPES)),
    "problems_shown": ("some", ("some", "all")),
    "simple_second_note": ("refuse", ("refuse", "convert")),
    "simple_zero_guid": ("fill", ("fill", "refuse")),
    "over_credit": ("accept", ("accept", "refuse")),
    "negative_charge": ("accept", ("accept", "refuse")),
    "fractional_quantity": ("accept", ("accept", "refuse")),
    "restock_readable_in_draft": (False, (True, False)),
    "updated_since_z": ("accept", ("accept", "ignore")),
    "ignored_fields": ([], ()),
    "zero_rows": ("present", ("present", "omitted")),
    "webhook_delay": (0.2, ()),
    "webhook_retry_seconds": ([0.5, 1, 1.5, 2, 2.5], ()),
}


class Cin7:
    """ASGI application of the practice Cin7 Core around a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.window = SlidingWindow()
        world.on_reset.append(self.window.clear)
        for name, (default, choices) in SETTINGS.items():
            world.settings.declare(name, default, choices)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request over ASGI and send out the events it caused."""
        request = Request(scope, receive)
        response = self.answer(
            request.method, request.url.path, request.headers, dict(request.query_params), await request.body()
        )
        await response(scope, receive, send)
        webhooks.send_out(self.world)

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
    ) -> Response:
        """Answer one request."""
        refused = self._at_the_door(headers)
        if refused is not None:
            return refused
        methods = ENDPOINTS.get(path.lower().removeprefix(PREFIX).strip("/"))
        if methods is None or not path.lower().startswith(PREFIX):
            return page_not_found()
        if method not in methods:
            text = f"The requested resource does not support http method '{method}'."
            return Response(json.dumps({"Message": text}), 405, media_type="application/json")
        try:
            parsed = json.loads(body, parse_float=Decimal) if body and method in ("POST", "PUT") else {}
        except ValueError:
            return Response(
                '{"ErrorCode":500,"Exception":"Unable to parse request"}', 500, media_type="application/json"
            )
        if not isinstance(parsed, dict):
            parsed = {}
        folded = {name.lower(): value for name, value in query.items()}
        return self._perform(methods[method], Ask(self.world, method, folded, parsed))

    def _at_the_door(self, headers: Mapping[str, str]) -> Response | None:
        settings, key = self.world.settings, headers.get("api-auth-applicationkey", "").lower()
        account = headers.get("api-auth-accountid", "").lower()
        keys = [one.lower() for one in settings["cin7_keys"]]
        if account != settings["cin7_account_id"].lower() or key not in keys:
            return Response('"Incorrect credentials!"', 403, media_type="application/json")
        counts = bool(settings["quota_counts_refused"])
        if self.window.admit(key, self.world.clock.elapsed(), int(settings["quota"]), count_refused=counts):
            return None
        return self._throttled()

    def _throttled(self) -> Response:
        settings, rng = self.world.settings, self.world.rng
        form, retry_after = settings["throttle_form"], settings["throttle_retry_after"]
        if form == "seeded":
            form = rng.choice(("429", "503", "400"))
            retry_after = rng.choice((retry_after, None))
        status, body, headers = throttle_answer(form, int(settings["quota"]), retry_after)
        return Response(body, status, headers=headers)

    def _perform(self, endpoint: Endpoint, ask: Ask) -> Response:
        try:
            settings = self.world.settings
            content = respelled(endpoint(ask), settings["spelling"], settings["other_words"])
            return Response(dumps(content), 200, media_type="application/json")
        except Refusal as refusal:
            return answer_for(refusal, self.world.settings, self.world.rng)
        except Refused as refused:
            return answer_for(Refusal(Problem(refused.text, refused.code)), self.world.settings, self.world.rng)
        except (AttributeError, KeyError, TypeError, ValueError) as odd:
            # A body of the right syntax and the wrong shape: the real API answers 500 to what it cannot read.
            problem = {"ErrorCode": 500, "Exception": f"Unable to parse request ({type(odd).__name__}: {odd})"}
            return Response(json.dumps(problem), 500, media_type="application/json")
