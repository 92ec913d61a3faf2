"""Commands with which people decide: models, types, prices, money beyond a cap."""
