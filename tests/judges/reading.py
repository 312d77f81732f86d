"""Generated workflows, read back by ruamel: what the tests look at is what GitHub would read."""

from __future__ import annotations

import io

from ruamel.yaml import YAML

from golden.compiling import CASES, case_names, compile_folder


def read_workflow(content: bytes):
    return YAML(typ="safe", pure=True).load(io.BytesIO(content))


def compiled_cases():
    """Yield (case, execution, {path: workflow}) for every golden case, one for each plan."""
    for case in case_names():
        files = compile_folder(CASES / case)
        by_plan = {}
        for path, content in files.items():
            head = content[:400].decode()
            if path.startswith(".github/") and "(execution: " in head:
                source = head.split("from ", 1)[1].split(" ", 1)[0]
                execution = head.split("(execution: ", 1)[1].split(")", 1)[0]
                by_plan.setdefault((source, execution), {})[path] = read_workflow(content)
        assert by_plan
        for (source, execution), workflows in by_plan.items():
            yield f"{case}:{source}", execution, workflows


def role_of(path: str) -> str:
    return path.removesuffix(".yml").rsplit("-", 1)[-1].rsplit("/", 1)[-1]
