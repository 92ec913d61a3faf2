"""The user's settings: `settings.toml` in the state folder, each key also as `GAIA_BUDGET_<KEY>`.

The environment wins over the file, the file over the defaults. `gaia-budget settings` prints every key.
"""

from gaia_budget.settings.keys import Settings
from gaia_budget.settings.module_keys import ModuleSettings
from gaia_budget.settings.source import PREFIX, load, origin, set_top_level, variables

__all__ = ["PREFIX", "ModuleSettings", "Settings", "load", "origin", "set_top_level", "variables"]
