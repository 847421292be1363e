"""Shopify's inventory, set within its cost limit."""
