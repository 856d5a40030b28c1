"""What an LES must be told: filters, pairs, and the networks that learn the subgrid term from them."""
