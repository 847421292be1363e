"""The practice world: Cin7 Core, ReturnGO and Shopify over HTTP, with books of their own and every known trap."""
