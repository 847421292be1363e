"""The two ways the practice portal says no: to an API caller, and to the person at the controls."""


class ApiRefusal(Exception):  # noqa: N818 - a refusal is the trade's word for it
    """An API call is refused with this status; the body's shape is chosen at the front door."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ControlRefusal(Exception):  # noqa: N818
    """A control call asks for something the practice world cannot do; the text names the field and the fix."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
