"""Commands that wire the product and check what is wired."""
