"""The practice world's Shopify: inventory over the Admin GraphQL API, version 2026-04 and later."""

from sandbox.shopify.api import routes
from sandbox.shopify.control import control_routes

__all__ = ["control_routes", "routes"]
