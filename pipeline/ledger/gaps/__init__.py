"""The fourteen gaps between portal, ERP and money: what is read, what the rules say, the board."""
