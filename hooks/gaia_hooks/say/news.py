"""What another process has for the human to read: told once, by whichever session asks next."""

from gaia_hooks.machine import files


def path_of(home: str) -> str:
    """Where it is left; the plugin's server writes it when its installation has ended."""
    return files.join(home, "news.txt")


def told(home: str) -> str:
    """The news, which are gone then; empty where another session was quicker."""
    try:
        text = files.read(path_of(home), 0, 2000).decode("utf-8", "replace")
    except OSError:
        return ""
    files.remove(path_of(home))
    return text.strip()
