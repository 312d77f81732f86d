"""A project on the disk and the real command: what a user has after `planloom init`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from planloom.emit.tree import write_tree
from planloom.pipeline import compile_project, load_project
from planloom.scaffold.project import lay_down

PLANLOOM = str(Path(sys.executable).with_name("planloom"))
KEPT = ("HOME", "LANG", "PATH", "TMPDIR", "COVERAGE_PROCESS_START")


def write_plan(steps, plan="demo", **top):
    """Return a plan in YAML: JSON is YAML, and these tests are not about layout."""
    value = {"schema": "planloom/plan/v1", "id": plan, "name": "Demo", "version": "1.0.0"}
    value["defaults"] = {"shell": "sh", "timeout-minutes": 5, "attempts": 2}
    return json.dumps({**value, **top, "steps": steps}, indent=1)


class Shop:
    """A project in a folder. `run` gives the finished process, `start` one that lives; both are the real command."""

    def __init__(self, folder, *steps, **top):
        self.folder = folder
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {"USER": "tester"}
        lay_down(folder, "none")
        if steps:
            self.plan(*steps, **top)

    def plan(self, *steps, plan="demo", **top):
        (self.folder / f"specs/{plan}.yaml").write_text(write_plan(steps, plan, **top))
        write_tree(self.folder, compile_project(load_project(self.folder)))

    def start(self, *arguments, cwd=None, **variables):
        return subprocess.Popen(
            [PLANLOOM, *arguments],
            cwd=cwd or self.folder,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
        )

    def run(self, *arguments, cwd=None, **variables):
        with self.start(*arguments, cwd=cwd, **variables) as process:
            out, err = process.communicate(timeout=100)
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def check(self, *arguments, **variables):
        done = self.run(*arguments, **variables)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *arguments):
        return json.loads(self.check(*arguments, "--format", "json").stdout)

    def states(self, item="demo-1"):
        return {step["key"]: step["state"] for step in self.json("status", item)["workItems"][0]["steps"]}

    def records(self):
        """Return every record file, by path."""
        return {p.relative_to(self.folder).as_posix(): p.read_bytes() for p in self.folder.glob("artifacts/*/*/*/??????.json")}

    def events(self, step, item="demo-1"):
        """Return the events of a step's chain, in order, read as any JSON reader would."""
        import base64

        found = {}
        for path, content in self.records().items():
            if f"/{item}/{step}/" in path:
                predicate = json.loads(base64.b64decode(json.loads(content)["payload"]))["predicate"]
                found[predicate["chain"]["index"]] = predicate["event"]
        return [found[index] for index in sorted(found)]
