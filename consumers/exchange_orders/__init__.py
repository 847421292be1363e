"""Exchange orders: watched in Draft, released where the merchant opted in."""
