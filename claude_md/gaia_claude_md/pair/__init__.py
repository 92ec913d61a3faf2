"""The two texts of a split: how they are laid out, and how they become one again."""
