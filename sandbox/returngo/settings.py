"""What nobody knows about the real portal, as switches: a client must live with every position."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from sandbox.front.spelling import SPELLINGS
from sandbox.returngo.refusals import ControlRefusal

_CHOICES: dict[str, tuple[object, ...]] = {
    "wrong_key_status": (401, 403),
    "comment_field": ("htmlText", "comment", "either"),
    "comment_status": (200, 201),
    "payload_form": ("nested", "flat", "bare", "seeded"),
    "error_form": ("seeded", "message", "error", "errorMessage", "text", "empty"),
    "last_page": ("missing", "empty_string", "empty_page"),
    "repeated_filter": ("last", "both", "refuse"),
    "unknown_status": ("refuse", "empty"),
    "webhook_list_form": ("object", "array"),
    "validation_write": ("off", "status_body"),
    "refund_created_when": ("success", "requested"),
    "refund_outcome": ("Success", "Failed"),
    "spelling": SPELLINGS,
}


@dataclass
class PortalSettings:
    """All switches with their positions at rest. Delays are in seconds, odds between 0 and 1; `other_words` gives words
    that the answers use instead of the portal's own."""

    daily_quota: int = 2000
    burst_per_second: int = 100
    wrong_key_status: int = 401
    error_form: str = "seeded"
    last_page: str = "missing"
    repeated_filter: str = "last"
    unknown_status: str = "refuse"
    comment_field: str = "htmlText"
    comment_status: int = 201
    validation_write: str = "off"
    shipment_validates_items: bool = False
    inspection_moves_status: bool = True
    auto_done: bool = False
    shopify_return_fails: bool = False
    read_lag: float = 0.0
    refund_outcome: str = "Success"
    refund_settles: float = 0.2
    refund_created_when: str = "success"
    spelling: str = "own"
    other_words: dict[str, str] = field(default_factory=dict)
    webhook_list_form: str = "object"
    payload_form: str = "nested"
    webhook_delay: float = 0.2
    webhook_lost: float = 0.0
    webhook_duplicated: float = 0.0
    webhook_reordered: float = 0.0
    webhook_reorder_seconds: float = 2.0
    webhook_timeout: float = 5.0
    webhook_retries: list[float] = field(default_factory=lambda: [1.0, 5.0, 30.0])

    def change(self, patch: Mapping[str, object]) -> None:
        """Set the named switches, all or none. Raises `ControlRefusal` naming the switch and its positions."""
        checked = {name: self._checked(name, value) for name, value in patch.items()}
        for name, value in checked.items():
            setattr(self, name, value)

    def wire(self) -> dict[str, object]:
        """Every switch and where it stands."""
        return asdict(self)

    def _checked(self, name: str, value: object) -> object:
        if name not in {each.name for each in fields(self)}:
            raise ControlRefusal(f"{name}: no such setting; GET settings lists them")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise ControlRefusal(f"{name}: {value!r} is not one of {', '.join(map(str, _CHOICES[name]))}")
        if not _same_kind(getattr(self, name), value):
            raise ControlRefusal(f"{name}: {value!r} has the wrong type; it now holds {getattr(self, name)!r}")
        return float(value) if isinstance(getattr(self, name), float) and isinstance(value, int) else value


def _same_kind(present: object, offered: object) -> bool:
    if isinstance(present, bool) or isinstance(offered, bool):
        return isinstance(present, bool) and isinstance(offered, bool)
    if isinstance(present, float):
        return isinstance(offered, int | float) and offered >= 0
    if isinstance(present, list):
        return isinstance(offered, list) and all(_same_kind(1.0, each) for each in offered)
    return isinstance(offered, type(present))
