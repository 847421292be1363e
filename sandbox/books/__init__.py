"""The practice Cin7's books: products, stock with cost layers, sales, credit notes and double-entry journals."""
