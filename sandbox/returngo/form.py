"""Reading control JSON: every complaint names the field and how to put it right."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from sandbox.returngo.refusals import ControlRefusal


class Form:
    """A JSON object read field by field; `where` is put in front of field names in complaints."""

    def __init__(self, fields: object, where: str = "") -> None:
        if not isinstance(fields, Mapping):
            raise ControlRefusal(f"{where or 'body'}: send a JSON object")
        self._fields = fields
        self._where = f"{where}." if where else ""

    def has(self, name: str) -> bool:
        """Whether the field is present and not null."""
        return self._fields.get(name) is not None

    def names(self) -> list[str]:
        """The names of the fields that came."""
        return [str(name) for name in self._fields]

    def raw(self, name: str) -> object:
        """The field as it came, or None."""
        return self._fields.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """A string (numbers are accepted as ids); without a default the field is required."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ControlRefusal(f"{self._where}{name}: send a string")
        return str(value)

    def choice(self, name: str, options: Iterable[str], default: str | None = None) -> str:
        """A string out of a closed list."""
        value, allowed = self.text(name, default), tuple(options)
        if value not in allowed:
            raise ControlRefusal(f"{self._where}{name}: {value!r} is not one of {', '.join(allowed)}")
        return value

    def decimal(self, name: str, default: str | None = None) -> Decimal:
        """An exact number, sent as a string or an integer."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ControlRefusal(f'{self._where}{name}: send a number as a string, like "25.96"')
        try:
            return Decimal(str(value))
        except InvalidOperation:
            raise ControlRefusal(f'{self._where}{name}: {value!r} is no number; send a string like "25.96"') from None

    def flag(self, name: str, *, default: bool) -> bool:
        """A true or false."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise ControlRefusal(f"{self._where}{name}: send true or false")
        return value

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ControlRefusal(f"{self._where}{name}: send a whole number")
        return value

    def moment(self, name: str, default: datetime) -> datetime:
        """An ISO 8601 time; one without an offset is taken as UTC."""
        if not self.has(name):
            return default
        try:
            moment = datetime.fromisoformat(self.text(name))
        except ValueError:
            raise ControlRefusal(f"{self._where}{name}: send a time like 2026-03-01T08:00:00+00:00") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def forms(self, name: str) -> list["Form"]:
        """A list of objects, empty when the field is absent."""
        value = self._take(name, [])
        if not isinstance(value, list):
            raise ControlRefusal(f"{self._where}{name}: send a list of objects")
        return [Form(each, f"{self._where}{name}[{index}]") for index, each in enumerate(value)]

    def texts(self, name: str) -> list[str]:
        """A list of strings, empty when the field is absent."""
        value = self._take(name, [])
        if not isinstance(value, list):
            raise ControlRefusal(f"{self._where}{name}: send a list of strings")
        return [str(each) for each in value]

    def _take(self, name: str, default: object) -> object:
        value = self._fields.get(name)
        if value is not None:
            return value
        if default is None:
            raise ControlRefusal(f"{self._where}{name}: is required")
        return default
