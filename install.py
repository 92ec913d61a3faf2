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

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWER_MINORS = range(16, OLDEST[1] - 1, -1)
CLONE = Path(__file__).resolve().parent
WINDOWS = os.name == "nt"
QUICK = [
    *(
        "tests/hooks",
        "tests/core/setup",
        "tests/core/config",
        "tests/core/cli/test_encoding.py",
        "tests/install",
    ),
    # what is the same on every machine, and takes long
    "--ignore=tests/hooks/test_bad_input.py",
    "--deselect=tests/core/setup/test_init.py::test_undo_is_byte_identical_for_any_file_after_any_number_of_runs",
    *("-n", "3", "--dist", "worksteal"),
]
HEADLINES = 8  # of what is new
NO_NEWER = (
    "Python {oldest} or newer is needed; this is {this}. Nothing was wired. Install a newer one and run this command "
    "with it",
    "no-newer-python",
)
TESTS = """\
python3 install.py --test --quick     hooks, settings, wiring and this installer: what a machine can break (2 minutes)
python3 install.py --test             all tests (about 15 minutes on two cores; -n 4 takes four)
python3 install.py --test -k limits   every other word goes to pytest, such as -x, -k, or a file

They run in .venv beside this file, which is made first (about 1 GB), with a home folder of their own for each test:
nothing of yours is read or changed. What a machine lacks (Claude Code, PostgreSQL, a browser, …) is skipped, and the
line that installs it is printed at the end. All options of pytest: .venv/bin/python -m pytest --help\
"""


def main(arguments: list) -> int:
    """Install or test; returns the exit code."""
    if "--help" in arguments or "-h" in arguments:
        print(TESTS if "--test" in arguments else __doc__.strip())
        return 0
    if sys.version_info < OLDEST:
        return with_newer_python(arguments)
    sys.path[:0] = [str(CLONE / "core"), str(CLONE / "hooks")]
    from gaia_budget.cli import encoding
    from gaia_budget.errors import GaiaBudgetError
    from gaia_budget.setup.installing import making

    for stream in (sys.stdout, sys.stderr):
        encoding.fit(stream)
    try:
        if "--environment" in arguments:
            return environment_alone()
        if "--test" in arguments:
            return test([word for word in arguments if word != "--test"])
        return install(arguments)
    except GaiaBudgetError as failure:
        print(f"install.py: {failure} [{failure.slug}]{still_there()}", file=sys.stderr)
    except OSError as error:
        helps = making.trouble(str(error), making.UNWRITABLE)
        said = f"{error}. Nothing was wired. {helps.cure} [{helps.slug}]"
        print(f"install.py: {said}{still_there()}", file=sys.stderr)
    return 1


def with_newer_python(arguments: list) -> int:
    """Go on with a newer Python of this machine; the first one on the path is often the system's old one."""
    for minor in NEWER_MINORS:
        found = shutil.which(f"python3.{minor}")
        launcher = shutil.which("py") if WINDOWS else None
        for command in [found] if found else [], [launcher, f"-3.{minor}"] if launcher else []:
            if command and not subprocess.call([*command, "-c", ""], stderr=subprocess.DEVNULL):
                return subprocess.call([*command, str(CLONE / "install.py"), *arguments])
    oldest, this = ".".join(map(str, OLDEST)), sys.version.split()[0]
    said, slug = NO_NEWER
    print(f"install.py: {said.format(oldest=oldest, this=this)} [{slug}]", file=sys.stderr)
    return 1


def install(arguments: list) -> int:
    """Install for this user, then run `gaia-budget init` with the arguments."""
    from gaia_budget.setup.installing import environment, making

    program, folder = environment.program(), environment.folder()
    asked, arguments = extras(arguments)
    if "--undo" in arguments and not program.exists() and not still_wired():
        print("Nothing is installed for this user.")
        return 0
    if "--undo" not in arguments or not program.exists():  # what takes the wiring out is the program itself
        wanted = sorted({*environment.extras(folder), *asked})
        print(greeting(environment.version(folder), version_here(), folder, wanted), flush=True)
        making.renew(CLONE, wanted)
    return subprocess.call([str(program), "init", *arguments, *consent(arguments)])


def environment_alone() -> int:
    """What the plugin needs: the environment without any wiring; then history."""
    from gaia_budget.setup.installing import environment, making

    making.renew(CLONE, [], missing_alone=True)
    return subprocess.call([str(environment.program()), "ingest"])


def still_there() -> str:
    """After a failure: the version that was there before goes on."""
    from gaia_budget.errors import GaiaBudgetError
    from gaia_budget.setup.installing import environment

    try:
        before = environment.version(environment.folder())
    except (GaiaBudgetError, OSError):
        return ""
    return f"\nVersion {before}, which was there before, goes on as it was." if before else ""


def still_wired() -> bool:
    """Whether Claude Code's settings start hooks of ours, though the program is gone."""
    folder = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
    try:
        return "import gaia_hooks" in (folder / "settings.json").read_text("utf-8", "replace")
    except OSError:
        return False


def extras(arguments: list) -> "tuple[list, list]":
    """The extras after `--with`, and the other arguments."""
    from gaia_budget.errors import InstallError
    from gaia_budget.setup.installing.environment import EXTRAS

    if "--with" not in arguments:
        return [], arguments
    place = arguments.index("--with")
    names = arguments[place + 1].split(",") if place + 1 < len(arguments) else [""]
    unknown = [name for name in names if name not in EXTRAS]
    if unknown:
        raise InstallError(
            f"--with takes {', '.join(EXTRAS)}; it does not know {', '.join(map(repr, unknown))}",
            slug="extra-unknown",
        )
    return names, arguments[:place] + arguments[place + 2 :]


def version_here() -> str:
    """The version of this clone."""
    found = re.search(r'(?m)^version = "([^"]+)"', (CLONE / "pyproject.toml").read_text("utf-8"))
    return found.group(1) if found else "?"


def greeting(before: str, now: str, folder: Path, extras: list) -> str:
    """What is about to happen, in a line."""
    within = f" with {' and '.join(extras)}" if extras else ""
    if not before:
        return f"Installing GAIA Token Budget {now}{within} into {folder}"
    if before == now:
        return f"Installing GAIA Token Budget {now}{within} again, in {folder}"
    return f"Upgrading GAIA Token Budget from {before} to {now}{within}. {news(before)}"


def news(before: str) -> str:
    """What newer versions bring, in short; all of it by the file's name."""
    changes = (CLONE / "CHANGELOG.md").read_text("utf-8").partition(f"\n## {before}")[0]
    told = re.findall(r"(?m)^In short:\n\n((?:- .+\n)+)", changes)
    heads = [line[2:].replace("`", "") for part in told for line in part.splitlines()][:HEADLINES]
    lines = ["What is new:", *(f"  {head}" for head in heads)] if heads else []
    return "\n".join([*lines, f"  all changes: {CLONE / 'CHANGELOG.md'}"])


def consent(arguments: list) -> list:
    """Where nobody can be asked, running this installer is the answer; the diff is printed all the same."""
    asked = {"--yes", "-y", "--dry-run"}.intersection(arguments) or sys.stdin.isatty()
    return [] if asked else ["--yes"]


def test(options: list) -> int:
    """Run the tests with what the test lock file pins, on the sources as they stand here."""
    from gaia_budget.setup.installing import environment, making

    quick = "--quick" in options
    options = [word for word in options if word != "--quick"]
    what = "the quick tests: about 2 minutes" if quick else "all tests: about 15 minutes (--quick: 2 minutes)"
    print(
        f"Runs {what}, in {CLONE / '.venv'}, which is made first. What this machine lacks is skipped.",
        flush=True,
    )
    folder, lock = CLONE / ".venv", CLONE / making.TEST_LOCK
    python, stamp = environment.python_of(folder), folder / environment.STAMP
    if not making.works(python):
        making.make(folder)
    if not stamp.exists() or stamp.read_text(encoding="ascii") != making.content(lock, []):
        making.install_lock(python, lock)
        stamp.write_text(making.content(lock, []), encoding="ascii")
    making.install_ours(python, CLONE, editable=True)
    command = [str(python), "-m", "pytest", *(QUICK if quick else []), *options]
    ended = subprocess.call(command, cwd=str(CLONE))
    failed = "Some tests failed: the lines above that begin with FAILED name them."
    print({0: "All is well.", 1: failed}.get(ended, ""))
    return ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
