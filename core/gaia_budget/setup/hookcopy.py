"""The compiled copy of the hooks that Claude Code is wired to, so that they outlive the installed package."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import gaia_hooks
from gaia_budget import places
from gaia_budget.errors import InternalError
from gaia_hooks import bundle
from gaia_hooks.machine import files

HOOK_MODULE = bundle.ENTRIES["hooks.bundle"]
LAUNCHERS = {
    "statusline.py": "gaia_hooks.statusline",
    "wrapped_statusline.py": "gaia_hooks.wrapped_statusline",
}
KEPT_DAYS = (
    30  # Claude Code forgets a session's transcript after as long; no session of an older copy runs on
)
MARKER = "complete"  # written last: the interpreter, then the digest of what it starts
PRIVATE = 0o077  # the umask of what compiles: the copy is the user's alone
COMPILE_SECONDS = 120
TRIAL_SECONDS = 30

# What is started must end in exit 0 whatever is missing, moved or half upgraded: exit 2 denies every tool call.
# `os._exit` skips the interpreter's shutdown, which would cost as much as the work; `os` itself would too.
# The bundle's loader runs the hook and ends the process. It is left alone where another version of the interpreter has
# come to stand at the same path; then what follows runs, which is compiled only there. By `import gaia_hooks` every
# version, and the installer, know what is ours.
BOOTSTRAP = """\
try:
 hook = {module}
 import marshal
 from _frozen_importlib_external import MAGIC_NUMBER
 with open({bundle}, "rb", 0) as file:
  if file.read(4) == MAGIC_NUMBER:
   exec(marshal.loads(file.read({head})))
except BaseException:
 pass
exec({without})
"""
WITHOUT_BUNDLE = """\
try:
 import sys
 sys.path.insert(0, {folder})
 import {module} as hook
 hook.run()
except BaseException:
 pass
try:
 import posix as system
except ImportError:
 import nt as system
system._exit(0)
"""


def bootstrap(folder: Path, module: str) -> str:
    """The program, on one line, that runs a module of the copy in `folder` and can only exit 0."""
    return f"exec({program(folder, module)!a})"


def program(folder: Path, module: str) -> str:
    """The same program on lines of its own, in ASCII."""
    name = next((name for name, entry in bundle.ENTRIES.items() if entry == module), "statusline.bundle")
    return BOOTSTRAP.format(
        bundle=ascii(str(folder / name)),
        head=bundle.HEAD,
        module=ascii(module),
        without=ascii(WITHOUT_BUNDLE.format(folder=ascii(str(folder)), module=module)),
    )


def root() -> Path:
    """The folder of all copies."""
    return places.home() / "hook"


def folder() -> Path:
    """Where the copy of this very code lies: named by version and content, so that no copy is ever changed."""
    digest = hashlib.sha256()
    for source in sources():
        digest.update(_within(source).encode() + b"\0" + source.read_bytes() + b"\0")
    return root() / f"{version('gaia-token-budget')}-{digest.hexdigest()[:12]}"


def sources() -> list[Path]:
    """The modules of the hook path."""
    return sorted(_package().rglob("*.py"))


def _package() -> Path:
    return Path(gaia_hooks.__path__[0])


def _within(source: Path) -> str:
    return source.relative_to(_package()).as_posix()


def install(interpreter: Path) -> Path:
    """Make the copy and compile it for the interpreter; a complete one is left alone. Returns its folder.

    The marker is written last: a copy that was interrupted is made again.
    """
    target = folder()
    if is_complete(interpreter):
        return target
    package = target / "gaia_hooks"
    for source in sources():
        files.replace(str(package / _within(source)), source.read_bytes(), durable=False)
    for launcher, module in LAUNCHERS.items():
        files.replace(str(target / launcher), program(target, module).encode("ascii"), durable=False)
    _compile(interpreter, package)
    files.replace(str(target / MARKER), f"{interpreter}\n{_digest(target)}\n".encode())
    return target


def is_complete(interpreter: Path) -> bool:
    """Whether the copy of this very code is there, as it was written for the interpreter."""
    return Path(written_for(folder())) == interpreter and is_unchanged(folder())


def written_for(copy: Path) -> str:
    """The interpreter that a copy was compiled for; empty where the copy is not complete."""
    return _text(copy / MARKER).partition("\n")[0]


def is_unchanged(copy: Path) -> bool:
    """Whether a copy's programs are still those that `init` wrote."""
    return _text(copy / MARKER).partition("\n")[2].strip() == _digest(copy)


def copy_of(program: str) -> Path | None:
    """The copy in our state folder that a wired bootstrap names, or None where there is none."""
    copies = root().iterdir() if root().is_dir() else ()
    return next((copy for copy in copies if copy.name in program), None)


def _digest(copy: Path) -> str:
    """Over all that is started from a copy; compiled files are left out, any other interpreter may add its own."""
    programs = sorted(
        file for pattern in ("*.py", "*.bundle") for file in copy.rglob(pattern) if file.is_file()
    )
    digest = hashlib.sha256()
    for file in programs:
        digest.update(file.relative_to(copy).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _compile(interpreter: Path, package: Path) -> None:
    """Compile with the interpreter that will run it; unchecked, since a copy never changes."""
    modules = ["-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(package)]
    bundles = ["-I", str(package / "bundle.py"), str(package.parent)]
    for arguments in (modules, bundles):
        command = [str(interpreter), *arguments]
        done = subprocess.run(
            command, capture_output=True, timeout=COMPILE_SECONDS, check=False, umask=PRIVATE
        )
        if done.returncode:
            problem = (done.stdout + done.stderr).decode(errors="replace")
            raise InternalError(
                f"{interpreter} could not compile the hooks: {problem}", slug="hooks-do-not-load"
            )


def wired_fault(command: str, program: str) -> str:
    """Why what settings start as our hooks does not load; empty where it does. Starts nothing but what `init` wrote."""
    copy = copy_of(program)
    return foreign(command, program) or (load_fault(copy) if copy else "")


def foreign(command: object, program: str) -> str:
    """Why what settings start is not to the letter what `init` writes; empty where it is."""
    copy = copy_of(program)
    if copy is None:
        return "the wired copy of the hooks is gone: tools and prompts go on, uncounted"
    if program != bootstrap(copy, HOOK_MODULE):
        return f"the settings start {copy} in another way than this version does: it is not started here"
    if command != written_for(copy):
        return f"the settings start {command}, which `init` has not written: it is not started here"
    return _changed(copy)


def _changed(copy: Path) -> str:
    if is_unchanged(copy):
        return ""
    return f"{copy} is not as it was written: it was damaged or changed, and is not started here"


def load_fault(copy: Path) -> str:
    """Why a copy's interpreter cannot load it, which the bootstrap would hide; empty when it can.

    Starts nothing but what `init` wrote, whatever stands in a settings file.
    """
    if changed := _changed(copy):
        return changed
    interpreter = written_for(copy)
    trial = f"import sys; sys.path.insert(0, {str(copy)!a}); import {HOOK_MODULE}"
    command = [interpreter, "-I", "-S", "-B", "-X", f"pycache_prefix={copy / 'none'}", "-c", trial]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TRIAL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{interpreter} does not start: {error}"
    return done.stderr.decode(errors="replace").strip().rpartition("\n")[2] if done.returncode else ""


def prune(wired: set[str]) -> list[Path]:
    """Delete copies that nothing is wired to and that are older than any session. Returns what went."""
    limit = time.time() - KEPT_DAYS * 86_400
    current = folder().name
    gone = []
    for copy in root().iterdir() if root().is_dir() else ():
        marker = copy / MARKER
        newest = marker if marker.exists() else copy
        if copy.name != current and copy.name not in wired and newest.stat().st_mtime < limit:
            shutil.rmtree(copy, ignore_errors=True)
            gone.append(copy)
    return gone
