"""Install GAIA Token Budget from this folder and wire it into Claude Code. Needs Python 3.11 or newer, nothing else.

python3 install.py                    install for this user, then `gaia-budget init`; run again to upgrade
python3 install.py --with postgres    also install extras, with commas: openai, gemini, postgres, argus, otlp
python3 install.py --dry-run          install, and only show what would be wired (every option of init is passed on)
python3 install.py --no-proof         without the trial in Claude Code at the end (10 seconds at most)
python3 install.py --undo             take the wiring out again
python3 install.py --test --quick     make .venv here with the test tools; run what a machine can break (2 minutes)
python3 install.py --test             the same with all tests (about 15 minutes; more options go to pytest)
On Windows: py install.py …
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

OLDEST = (3, 11)
NEWER_MINORS = range(16, OLDEST[1] - 1, -1)
CLONE = Path(__file__).resolve().parent
WINDOWS = os.name == "nt"
PROGRAM = "gaia-budget.exe" if WINDOWS else "gaia-budget"
STAMP = (
    "gaia-token-budget.lock"  # what is installed from the lock file, so that an unchanged one costs nothing
)


EXTRAS = {
    "openai": ["openai"],
    "gemini": ["google-genai"],
    "postgres": ["psycopg", "psycopg-binary"],
    "argus": ["streamlit", "plotly"],
    "otlp": ["opentelemetry-exporter-otlp-proto-http"],
}
QUICK = ["tests/hooks", "tests/core/setup", "tests/core/config", "tests/install", "-n", "2"]
SHOWN_LINES = 15  # of pip's, where it fails
HEADLINES = 6  # of what is new
ANOTHER_SECONDS = 900  # so long one process may install while another waits for it
SLOW_SECONDS = 15  # so long without a word from pip is told to be the network


class Failure(Exception):
    """What went wrong, and what to do about it; `slug` is what the documentation calls it."""

    def __init__(self, message: str, slug: str) -> None:
        self.slug = slug
        super().__init__(message)


def main(arguments: list) -> int:
    """Install or test; returns the exit code."""
    if "--help" in arguments or "-h" in arguments:
        print(__doc__.strip())
        return 0
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a pipe on Windows may not know the signs of a user's name
    try:
        if sys.version_info < OLDEST:
            return with_newer_python(arguments)
        if "--environment" in arguments:
            return environment_alone()
        if "--test" in arguments:
            return test([word for word in arguments if word != "--test"])
        return install(arguments)
    except Failure as failure:
        print(f"install.py: {failure} [{failure.slug}]", file=sys.stderr)
    except OSError as error:
        text, slug = cure(str(error), UNWRITABLE)
        print(f"install.py: {error}. Nothing was wired. {text} [{slug}]", file=sys.stderr)
    return 1


def with_newer_python(arguments: list) -> int:
    """Go on with a newer Python of this machine; the first one on the path is often the system's old one."""
    for minor in NEWER_MINORS:
        found = shutil.which(f"python3.{minor}")
        launcher = shutil.which("py") if WINDOWS else None
        for command in [found] if found else [], [launcher, f"-3.{minor}"] if launcher else []:
            if command and not subprocess.call([*command, "-c", ""], stderr=subprocess.DEVNULL):
                return subprocess.call([*command, str(CLONE / "install.py"), *arguments])
    raise Failure(
        f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}. "
        "Nothing was wired. Install a newer one and run this command with it",
        slug="no-newer-python",
    )


def install(arguments: list) -> int:
    """Install for this user, then run `gaia-budget init` with the arguments."""
    folder = state_folder() / "venv"
    program = scripts_of(folder) / PROGRAM
    wanted, arguments = extras(arguments)
    if "--undo" in arguments and not program.exists() and not still_wired():
        print("Nothing is installed for this user.")
        return 0
    if "--undo" not in arguments or not program.exists():  # what takes the wiring out is the program itself
        print(greeting(installed_version(folder), version_here(), folder), flush=True)
        prepare(folder, wanted)
        print(put_on_path(program), flush=True)
    return subprocess.call([str(program), "init", *arguments, *consent(arguments)])


def prepare(folder: Path, wanted: list) -> None:
    """Make or renew the environment with the program and these extras in it."""
    python = environment(folder)
    pip_install_lock(python, folder, CLONE / "requirements.lock")
    if wanted:
        pip_install_extras(python, wanted)
    pip(python, "--no-deps", "--no-build-isolation", "--force-reinstall", str(CLONE))


def environment_alone() -> int:
    """What the plugin needs: the environment without any wiring, made by one process at a time; then history."""
    folder = state_folder() / "venv"
    from gaia_hooks.machine import files

    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with files.Lock(str(folder.parent / "install.lock"), ANOTHER_SECONDS):
        if not (scripts_of(folder) / PROGRAM).exists():
            prepare(folder, [])
    return subprocess.call([str(scripts_of(folder) / PROGRAM), "ingest"])


def still_wired() -> bool:
    """Whether Claude Code's settings start hooks of ours, though the program is gone."""
    folder = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
    try:
        return "import gaia_hooks" in (folder / "settings.json").read_text("utf-8", "replace")
    except OSError:
        return False


def extras(arguments: list) -> "tuple[list, list]":
    """The extras after `--with`, and the other arguments."""
    if "--with" not in arguments:
        return [], arguments
    place = arguments.index("--with")
    names = arguments[place + 1].split(",") if place + 1 < len(arguments) else [""]
    unknown = [name for name in names if name not in EXTRAS]
    if unknown:
        raise Failure(
            f"--with takes {', '.join(EXTRAS)}; it does not know {', '.join(map(repr, unknown))}",
            slug="extra-unknown",
        )
    return names, arguments[:place] + arguments[place + 2 :]


def version_here() -> str:
    """The version of this clone."""
    found = re.search(r'(?m)^version = "([^"]+)"', (CLONE / "pyproject.toml").read_text("utf-8"))
    return found.group(1) if found else "?"


def installed_version(folder: Path) -> str:
    """The version that is installed in the environment; empty when there is none."""
    found = sorted(folder.glob("[Ll]ib/**/site-packages/gaia_token_budget-*.dist-info"))
    return found[-1].name.split("-")[1].removesuffix(".dist") if found else ""


def greeting(before: str, now: str, folder: Path) -> str:
    """What is about to happen, in a line."""
    if not before:
        return f"Installing GAIA Token Budget {now} into {folder}"
    if before == now:
        return f"Installing GAIA Token Budget {now} again, in {folder}"
    return f"Upgrading GAIA Token Budget from {before} to {now}. {news(before)}"


def news(before: str) -> str:
    """What a newer version brings, in the headlines of its changes; the rest by the file's name."""
    changes = (CLONE / "CHANGELOG.md").read_text("utf-8").partition(f"\n## {before}")[0]
    told = re.findall(r"(?ms)^- (\*\*.+?)(?=^- |^\n|^#|\Z)", changes)
    heads = [re.sub(r"\*\*|\]\([^)]*\)|\[(?=[^\]]*\]\()", "", one) for one in told[:HEADLINES]]
    lines = ["What is new:", *(f"  {textwrap.shorten(head, 76, placeholder=' …')}" for head in heads)]
    return "\n".join([*lines, f"  all of it: {CLONE / 'CHANGELOG.md'}"])


def consent(arguments: list) -> list:
    """Where nobody can be asked, running this installer is the answer; the diff is printed all the same."""
    asked = {"--yes", "-y", "--dry-run"}.intersection(arguments) or sys.stdin.isatty()
    return [] if asked else ["--yes"]


def test(options: list) -> int:
    """Run the tests with what the test lock file pins, on the sources as they stand here."""
    quick = "--quick" in options
    options = [word for word in options if word != "--quick"]
    if "--help" not in options and "-h" not in options:
        what = (
            "the quick tests: about 2 minutes"
            if quick
            else "all tests: about 15 minutes (--quick: 2 minutes)"
        )
        print(
            f"Runs {what}, in {CLONE / '.venv'}, which is made first. What this machine lacks is skipped.",
            flush=True,
        )
    folder = CLONE / ".venv"
    python = environment(folder)
    pip_install_lock(python, folder, CLONE / "requirements-test.lock")
    pip(python, "--no-deps", "--no-build-isolation", "--editable", str(CLONE))
    ended = subprocess.call(
        [str(python), "-m", "pytest", *(QUICK if quick else []), *options], cwd=str(CLONE)
    )
    if ended in (0, 1):
        print(
            "All is well."
            if ended == 0
            else "Some tests failed: the lines above that begin with FAILED name them."
        )
    return ended


def state_folder() -> Path:
    """The per-user data folder, as the program itself names it."""
    sys.path.insert(0, str(CLONE / "hooks"))
    from gaia_hooks.facts import places

    folder = Path(places.home()).absolute()
    if places.redirected(str(folder), sys.base_prefix):
        raise Failure(
            f"the Python of the Microsoft Store writes {folder} elsewhere, where Claude Code does not look. Nothing "
            "was wired. Take the Python of python.org, or set GAIA_BUDGET_HOME to a folder outside of AppData",
            slug="store-python",
        )
    return folder


def scripts_of(folder: Path) -> Path:
    """Where a virtual environment keeps its programs."""
    return folder / ("Scripts" if WINDOWS else "bin")


def environment(folder: Path) -> Path:
    """The Python of the virtual environment in the folder, which is made, or made anew when it no longer starts."""
    python = scripts_of(folder) / ("python.exe" if WINDOWS else "python")
    if works(python):
        return python
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise Failure(
                f"this Python ({sys.executable}) has no {module}. Nothing was wired. On Debian and Ubuntu: "
                f"apt install python3.{sys.version_info[1]}-venv; elsewhere install Python from its own installer",
                slug="no-venv",
            )
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if made.returncode or not works(python):
        shown = made.stdout.decode(errors="replace").strip()
        text, slug = cure(shown, NO_ENVIRONMENT)
        raise Failure(
            f"no environment could be made in {folder}:\n{shown}\nNothing was wired. {text}", slug=slug
        )
    return python


def works(python: Path) -> bool:
    """Whether the environment's Python starts, is new enough and has pip."""
    question = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    try:
        return not subprocess.call([str(python), "-I", "-c", question], stderr=subprocess.DEVNULL)
    except OSError:
        return False


def pip_install_lock(python: Path, folder: Path, lock: Path) -> None:
    """Install what a lock file pins, each file checked against its hash; nothing when that was done already."""
    stamp, wanted = folder / STAMP, hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    # The file is complete, so nothing is resolved: with an extra among the requirements (`google-auth[requests]`),
    # older versions of pip would look for its newest release, which has no hash here.
    pip(python, "--no-deps", "--require-hashes", "--requirement", str(lock))
    stamp.write_text(wanted, encoding="ascii")


def pip_install_extras(python: Path, names: list) -> None:
    """Install extras in the versions that were tested."""
    pins = dict(
        re.findall(
            r"(?m)^([A-Za-z0-9._-]+)==([^ ;\\\n]+)", (CLONE / "requirements-test.lock").read_text("utf-8")
        )
    )
    wanted = [f"{name}=={pins[name]}" for extra in names for name in EXTRAS[extra]]
    pip(python, *wanted)


def pip(python: Path, *words: str) -> None:
    """`pip install` in the environment, telling how far it is."""
    command = [
        str(python),
        "-I",
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-compile",  # a third of the time; what is used is compiled when it is first used
        "--progress-bar",
        "off",
    ]
    command += [*words, "--no-input"]
    said = Progress(sys.stdout)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as started:
        assert started.stdout is not None
        for line in started.stdout:
            said.take(line)
        said.end()
    if started.returncode:
        print("".join(said.lines[-SHOWN_LINES:]), file=sys.stderr)
        text, slug = cure("".join(said.lines), NO_PACKAGES)
        raise Failure(f"pip could not install (see above). Nothing was wired. {text}", slug=slug)


NO_PACKAGES = (
    "Behind a proxy or a company index: set up pip first (pip config set global.proxy http://…). Offline: fetch "
    "the packages of requirements.lock elsewhere (pip download), then set PIP_FIND_LINKS and PIP_NO_INDEX=1",
    "no-packages",
)
NO_ENVIRONMENT = ("Make room there, or set GAIA_BUDGET_HOME to another folder", "environment-failed")
UNWRITABLE = ("Make that place writable, or set GAIA_BUDGET_HOME", "place-unwritable")
FULL = (
    "The disk is full: about 200 MB are needed. Make room, or set GAIA_BUDGET_HOME to another folder",
    "disk-full",
)
IN_USE = ("A program of ours still runs: close Claude Code and run this again", "in-use")


def cure(said: str, otherwise: tuple) -> tuple:
    """What helps, by what the system said, and its slug."""
    if any(words in said for words in ("No space left", "File too large", "Disk quota")):
        return FULL
    return IN_USE if "WinError 32" in said or "WinError 5]" in said else otherwise


class Progress:
    """What pip says, as one line on a terminal: how many packages are there, and which one is being fetched."""

    def __init__(self, stream) -> None:
        self.lines: list = []
        self.fetched = 0
        self._stream = stream
        self._shown = 0
        self._last = time.monotonic()

    def take(self, line: str) -> None:
        """One line of pip's."""
        self.lines.append(line)
        words = line.split()
        if words[:1] == ["Collecting"]:
            self.fetched += 1
            slow = time.monotonic() - self._last > SLOW_SECONDS
            self._say(
                f"  {self.fetched} packages, now {words[1]}" + (" (the network is slow)" if slow else "")
            )
        elif words[:2] == ["Installing", "collected"]:
            self._say(f"  {self.fetched} packages are here, unpacking them")
        self._last = time.monotonic()

    def end(self) -> None:
        """Take the line away."""
        self._say("")
        if self._shown:
            self._stream.write("\r")
            self._stream.flush()

    def _say(self, text: str) -> None:
        if self._stream.isatty():
            self._stream.write("\r" + text[:79].ljust(self._shown))
            self._stream.flush()
            self._shown = max(self._shown, len(text[:79]))


def put_on_path(program: Path) -> str:
    """Make the command reachable by its name; says how to call it."""
    try:
        place = windows_shim(program) if WINDOWS else link(program)
    except OSError as error:
        print(f"{error}: the short name gaia-budget is left out")
        place = None
    if place is None:
        return f"The command: {program}"
    if str(place.parent) in os.environ.get("PATH", "").split(os.pathsep):
        return f"The command: gaia-budget ({place})"
    return f'The command: {place}. For the short name gaia-budget: export PATH="{place.parent}:$PATH"'


def link(program: Path):
    """A link in ~/.local/bin; None when something else has that name there."""
    place = Path.home() / ".local" / "bin" / program.name
    if place.is_symlink() and (not place.exists() or place.resolve() == program.resolve()):
        place.unlink()
    elif place.is_symlink() or place.exists():
        print(f"{place} is not ours and stays as it is")
        return None
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(program)
    return place


def windows_shim(program: Path):
    """A .cmd file in the folder that Windows puts on every user's path; None when it is not on this one's."""
    folder = Path(os.environ.get("LOCALAPPDATA", "")) / "Microsoft" / "WindowsApps"
    on_path = {os.path.normcase(part.rstrip("\\")) for part in os.environ.get("PATH", "").split(os.pathsep)}
    if os.path.normcase(str(folder)) not in on_path:
        return None
    place = folder / "gaia-budget.cmd"
    if place.exists() and "gaia-budget.exe" not in place.read_text("utf-8", "replace"):
        print(f"{place} is not ours and stays as it is")
        return None
    place.write_bytes(f'@"{in_batch(program)}" %*\r\n'.encode("oem" if WINDOWS else "utf-8"))
    return place


def in_batch(program: Path) -> str:
    """A path as a .cmd file names it: a user's name with umlauts comes from the environment, not from the file."""
    path, local = str(program).replace("%", "%%"), os.environ.get("LOCALAPPDATA", "")
    return "%LOCALAPPDATA%" + path[len(local) :] if local and path.startswith(local) else path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
