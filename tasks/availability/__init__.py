"""Stock availability: looked up, published to the shop or a feed."""
