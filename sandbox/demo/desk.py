"""The demo's telephone to the practice world's control desk."""

from __future__ import annotations

from typing import Any

import httpx


class Desk:
    """Asks and orders over HTTP. Raises httpx.HTTPStatusError with the desk's own words in the text."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx.Client(base_url=f"{base_url}/control", timeout=30.0, trust_env=False)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def get(self, path: str, /, **params: str) -> Any:
        """Read."""
        return self._read(self._client.get(path, params=params))

    def post(self, path: str, body: object = None) -> Any:
        """Order."""
        return self._read(self._client.post(path, json=body if body is not None else {}))

    def patch(self, path: str, body: object) -> Any:
        """Change settings."""
        return self._read(self._client.patch(path, json=body))

    def delete(self, path: str) -> None:
        """Clear what is there."""
        self._client.delete(path).raise_for_status()

    def forget_calls(self) -> None:
        """Start the call log anew."""
        self.delete("/calls")

    def calls(self, **chosen: str) -> list[dict[str, Any]]:
        """The call log; choose by system, method or part of the path."""
        rows: list[dict[str, Any]] = self.get("/calls", **chosen)
        return rows

    @staticmethod
    def _read(answer: httpx.Response) -> Any:
        if answer.is_error:
            text = f"{answer.status_code} from {answer.request.url.path}: {answer.text[:300]}"
            raise httpx.HTTPStatusError(text, request=answer.request, response=answer)
        return answer.json()
