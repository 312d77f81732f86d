"""`specs/requirements.lock`: what runners install, every file by its hash, without any index address.

pip-tools resolves and hashes; it is started from this Python when it is installed, else from a throw-away environment.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from planloom import VERSION
from planloom.core.errors import InputError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LOCK: Final = "specs/requirements.lock"
WHEELS: Final = "specs/wheels"
_HEADER: Final = """\
# What runners install, by hash. Written by `planloom pin`; run it again to take newer versions.
"""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OLDER_PYTHON: Final = re.compile(r"python_version\s*<\s*[\"']3\.(?P<minor>\d+)[\"']")
_OLDEST_MINOR: Final = 11
_ASKS: Final = "pin asks the index that pip is configured for; try again when it answers"
_NOT_ON_INDEX: Final = "planloom is not on the index that pip is configured for: planloom pin --wheel FILE pins a wheel of it"
_TIMEOUT_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class Pinned:
    """What was pinned: how runners install planloom (`path`, `wheel` or `index`), and the lock's text."""

    install: str
    lock: str


def silent(stage: str) -> None:
    """Say nothing of a stage that begins: what `tell` is by default."""
    del stage


def pin_path(project: Path, tell: Callable[[str], None] = silent) -> Pinned:
    """Pin the dependencies and the build backend of a checkout that installs itself. Raises: InputError when it can't."""
    file = project / "pyproject.toml"
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
        wanted = [*settings["project"].get("dependencies", ()), *settings["build-system"]["requires"]]
        name = settings["project"]["name"]
    except (OSError, ValueError, KeyError) as error:
        message = f"{file} does not describe a package"
        raise InputError(
            message, hint="--path names planloom's own checkout; --wheel FILE and no option are for all others"
        ) from error
    if name != "planloom":
        message = f"{file} describes '{name}', not planloom"
        raise InputError(message, hint="planloom pin   # without --path it pins planloom from the index")
    return Pinned("path", _lock(wanted, tell))


def pin_wheel(root: Path, wheel: Path, tell: Callable[[str], None] = silent) -> Pinned:
    """Copy a wheel of planloom into the project and pin it with its dependencies. Raises: InputError when it is none."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            head = archive.read(name).decode("utf-8")
    except (OSError, zipfile.BadZipFile, StopIteration) as error:
        message = f"{wheel} is not a wheel"
        raise InputError(message, hint="python -m build makes one") from error
    if not re.search(r"^Name: planloom$", head, re.MULTILINE):
        message = f"{wheel} is not a wheel of planloom"
        raise InputError(message)
    required = re.findall(r"^Requires-Dist: (.*)$", head, re.MULTILINE)
    lock = _lock((line for line in required if "extra ==" not in line), tell)
    place = root / WHEELS / wheel.name
    if not place.exists() or not place.samefile(wheel):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wheel, place)
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    return Pinned("wheel", f"{lock}./{WHEELS}/{wheel.name} \\\n    --hash=sha256:{digest}\n")


def pin_here(root: Path, origin: str, tell: Callable[[str], None] = silent) -> Pinned:
    """Pin planloom as it is installed here: from the checkout, wheel or repository that it came from, else from the index.

    Shape: `origin` is what `installed_from` returns; `tell` hears of each stage before it begins. Raises: InputError when a local origin is gone, StoreError when pip does not answer.
    """
    if not origin:
        return pin_index(tell)
    path = Path(unquote(urlsplit(origin).path)) if origin.startswith("file:") else None
    if path is not None and not path.exists():
        message = f"planloom was installed from {path}, which is gone"
        raise InputError(message, hint="planloom pin --wheel FILE   # takes a wheel from elsewhere")
    if path is not None and path.suffix == ".whl":
        return pin_wheel(root, path, tell)
    with tempfile.TemporaryDirectory(prefix="planloom-wheel-") as scratch:
        folder = Path(scratch)
        python = _python_with_tools(folder, tell)
        tell(f"making a wheel of planloom from {origin}")
        command = [python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "made", origin]
        _run(command, folder, f"no wheel can be made of {origin}")
        return pin_wheel(root, next((folder / "made").glob("*.whl")), tell)


def installed_from() -> str:
    """Return the URL that this planloom was installed from, the empty string for an index.

    Source: https://packaging.python.org/specifications/direct-url/ (PEP 610).
    """
    try:
        text = metadata.distribution("planloom").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return ""
    return read_origin(text or "{}")


def read_origin(text: str) -> str:
    """Return the URL of a `direct_url.json` as pip takes it: of a repository with the commit."""
    stated = json.loads(text)
    url = str(stated.get("url", ""))
    repository = stated.get("vcs_info", {})
    return f"{repository['vcs']}+{url}@{repository['commit_id']}" if repository else url


def pin_index(tell: Callable[[str], None] = silent) -> Pinned:
    """Pin this version of planloom from the index that pip is configured for."""
    return Pinned("index", _lock([f"planloom=={VERSION}"], tell))


def set_install(settings: str | None, install: str) -> str:
    """Return the text of `specs/planloom.yaml` with `install` set, everything else as it was."""
    if settings is None:
        return f"schema: planloom/project/v1\ninstall: {install}\n"
    if re.search(r"^install:.*$", settings, re.MULTILINE):
        return re.sub(r"^install:.*$", f"install: {install}", settings, count=1, flags=re.MULTILINE)
    return f"{settings.rstrip()}\ninstall: {install}\n"


def _lock(wanted: Iterable[str], tell: Callable[[str], None]) -> str:
    """Resolve and hash. Raises: StoreError when pip-tools or the index does not answer."""
    lines = [*wanted, *_for_older_pythons()]
    with tempfile.TemporaryDirectory(prefix="planloom-pin-") as scratch:
        folder = Path(scratch)
        (folder / "requirements.in").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        # With --strip-extras an older pip takes the newest release of what is wanted with an extra, and refuses it for want of a hash.
        options = ("--generate-hashes", "--allow-unsafe", "--no-strip-extras", "--no-header", "--no-annotate", "--quiet")
        silent = ("--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options")
        command = [
            _python_with_tools(folder, tell),
            "-m",
            "piptools",
            "compile",
            *options,
            *silent,
            "--output-file",
            "requirements.lock",
            "requirements.in",
        ]
        tell("asking the index for everything that is needed, and hashing each file: this can take a minute or two")
        _run(command, folder, "the dependencies can't be resolved")
        text = (folder / "requirements.lock").read_text(encoding="utf-8")
    return _HEADER + "".join(f"{line}\n" for line in text.splitlines() if line and not line.startswith(("#", "-")))


def _for_older_pythons() -> list[str]:
    """Return what planloom needs on Pythons older than this one: jobs run on the runner's own, and a resolver looks only at this."""
    seen: set[str] = set()
    waiting = ["planloom"]
    found: list[str] = []
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for line in required:
            matched = _NAME.match(line)
            older = _OLDER_PYTHON.search(line)
            if matched is None or "extra ==" in line:
                continue
            if older is not None and int(older["minor"]) > _OLDEST_MINOR:
                found.append(matched[0])
            waiting.append(matched[0])
    return sorted(set(found))


def _python_with_tools(folder: Path, tell: Callable[[str], None]) -> str:
    """Return a Python that has pip and pip-tools: this one, or that of an environment made in `folder`."""
    try:
        metadata.version("pip-tools")
    except metadata.PackageNotFoundError:
        tell("making an environment with pip-tools, which is not installed here")
        tools = folder / "tools"
        _run([sys.executable, "-m", "venv", str(tools)], folder, "no environment for pip-tools can be made")
        _run(
            [str(tools / "bin" / "python"), "-m", "pip", "install", "--quiet", "pip-tools"],
            folder,
            "pip-tools can't be installed",
        )
        return str(tools / "bin" / "python")
    return sys.executable


def _run(command: Sequence[str], folder: Path, problem: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=_TIMEOUT_SECONDS, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(f"{problem}: {error}", hint=_ASKS) from error
    if done.returncode != 0:
        last = [line.strip() for line in done.stderr.splitlines() if line.strip()][-1:] or [f"exit {done.returncode}"]
        # pip-tools shows pip's errors with the place in pip's own code in front.
        reason = re.sub(r"^pip\.[\w.]+: ", "", last[0])
        raise StoreError(f"{problem}: {reason}", hint=_NOT_ON_INDEX if " for planloom" in reason else _ASKS)
