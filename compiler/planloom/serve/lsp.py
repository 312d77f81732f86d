"""The language server: mistakes as you type, help on fields and steps, completion, go to a need, rename a step.

Speaks LSP 3.17 over standard input and output. All that it knows comes from the compiler's own stages; it writes no file.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from planloom import VERSION
from planloom.core.errors import InputError
from planloom.serve.projects import Place, Project, check, place_of

try:
    from lsprotocol import types
    from pygls.exceptions import JsonRpcInvalidParams
    from pygls.lsp.server import LanguageServer
except ImportError as missing:
    _hint = 'pip install "planloom[lsp]"'
    raise InputError("serving editors needs the package pygls, which is not installed", hint=_hint) from missing

from planloom.serve import answers
from planloom.serve.positions import from_units, split_lines, to_range
from planloom.serve.steps import key_at, origin_of, rename, uses_of

if TYPE_CHECKING:
    from pathlib import Path

    from planloom.model.plan import Plan
    from planloom.serve.steps import Named

PAUSE_SECONDS: Final = 0.15
"""How long the typing must rest before a project is checked again."""


class PlanServer(LanguageServer):
    """The server and what it knows of the projects whose files are open."""

    def __init__(self) -> None:
        super().__init__("planloom", VERSION)
        self.projects: dict[Path, Project] = {}
        self._revision = 0

    @property
    def encoding(self) -> str:
        """The units that columns are counted in, as agreed with the editor."""
        return str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))

    def project(self, place: Place) -> Project:
        """Return what is known of a file's project."""
        return self.projects.setdefault(place.root, Project(place.root))

    def buffers(self, root: Path) -> dict[str, str]:
        """Return the open files of a project: path → text."""
        places = {uri: place_of(uri) for uri in self.workspace.text_documents}
        return {
            place.path: self.workspace.text_documents[uri].source
            for uri, place in places.items()
            if place is not None and place.root == root
        }

    def question(self, uri: str, position: types.Position) -> Question | None:
        """Return a question about a place in a plan, None for other files."""
        place = place_of(uri)
        if place is None:
            return None
        project = self.project(place)
        text = self.workspace.get_text_document(uri).source
        lines = split_lines(text)
        line = lines[position.line] if position.line < len(lines) else ""
        column = from_units(line, position.character, self.encoding)
        return Question(place, lines, position.line, column, project.read_steps(place.path, text), project.plan(place.path))

    async def publish(self, uri: str, pause: float = 0.0) -> None:
        """Check a file's project and tell the editor, unless more is typed meanwhile."""
        place = place_of(uri)
        if place is None:
            return
        self._revision += 1
        mine = self._revision
        await asyncio.sleep(pause)
        if mine != self._revision:
            return
        project, buffers = self.project(place), self.buffers(place.root)
        # In a thread: a big plan takes a second, and questions are to be answered meanwhile.
        checked = await asyncio.to_thread(check, place.root, buffers)
        if mine != self._revision:
            return
        project.checked = checked
        lines = {path: split_lines(content.decode("utf-8", "replace")) for path, content in checked.sources.items()}
        uris = {path: Place(place.root, path).uri for path in checked.sources}
        for path in sorted({*uris, *project.published}):
            found = [
                answers.describe_diagnostic(one, lines, self.encoding, uris)
                for one in checked.diagnostics
                if one.span.path == path and path in uris
            ]
            if found or path in project.published:
                self.text_document_publish_diagnostics(
                    types.PublishDiagnosticsParams(uris.get(path, Place(place.root, path).uri), found)
                )
            project.published.discard(path)
            if found:
                project.published.add(path)


class Question:
    """A question about a place (0-based line and column in code points) in a plan."""

    def __init__(
        self, place: Place, lines: list[str], line: int, column: int, steps: tuple[Named, ...], plan: Plan | None
    ) -> None:
        self.place = place
        self.lines = lines
        self.line = line
        self.column = column
        self.steps = steps
        self.plan = plan
        self.groups = plan.groups if plan else {}

    def step(self) -> Named | None:
        """Return the step that the word at this place means."""
        found = key_at(self.steps, self.line + 1, self.column + 1)
        return origin_of(found[0], self.steps, self.groups) if found is not None else None


def make_server() -> PlanServer:
    """Return a server that answers everything; start it with `start_io`."""
    server = PlanServer()
    _watch(server)
    _explain(server)
    _navigate(server)
    _change(server)
    return server


def serve_stdio() -> None:
    """Serve one editor over standard input and output until it ends."""
    make_server().start_io()


def _watch(server: PlanServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        await server.publish(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        await server.publish(params.text_document.uri, PAUSE_SECONDS)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: types.DidSaveTextDocumentParams) -> None:
        await server.publish(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        # What is on disk counts again.
        await server.publish(params.text_document.uri)


def _explain(server: PlanServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        asked = server.question(params.text_document.uri, params.position)
        if asked is None:
            return None
        text = answers.hover(asked.place.path, asked.lines, asked.line, asked.column, asked.steps, asked.plan)
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text)) if text else None

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=["[", ",", " ", "-", ":"]))
    def complete(params: types.CompletionParams) -> list[types.CompletionItem]:
        asked = server.question(params.text_document.uri, params.position)
        if asked is None:
            return []
        return answers.complete(asked.place.path, asked.lines, asked.line, asked.column, server.encoding, asked.steps, asked.plan)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        asked = server.question(params.text_document.uri, types.Position(0, 0))
        found = []
        for step in asked.steps if asked else ():
            place = to_range(step.span, asked.lines if asked else [], server.encoding)
            found.append(
                types.DocumentSymbol(step.key, types.SymbolKind.Function, place, place, str(step.node.get("name") or ""))
            )
        return found


def _navigate(server: PlanServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def define(params: types.DefinitionParams) -> types.Location | None:
        asked = server.question(params.text_document.uri, params.position)
        step = asked.step() if asked else None
        if asked is None or step is None:
            return None
        return types.Location(params.text_document.uri, to_range(step.span, asked.lines, server.encoding))

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def refer(params: types.ReferenceParams) -> list[types.Location]:
        asked = server.question(params.text_document.uri, params.position)
        step = asked.step() if asked else None
        if asked is None or step is None:
            return []
        spans = [need.span for need in uses_of(step, asked.steps, asked.groups)]
        spans += [step.span] if params.context.include_declaration else []
        return [types.Location(params.text_document.uri, to_range(span, asked.lines, server.encoding)) for span in sorted(spans)]


def _change(server: PlanServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare(params: types.PrepareRenameParams) -> types.Range | None:
        asked = server.question(params.text_document.uri, params.position)
        found = key_at(asked.steps, asked.line + 1, asked.column + 1) if asked else None
        # Only where the step's own key stands: what a `foreach` makes has no name of its own.
        if asked is None or found is None or all(step.key != found[0] for step in asked.steps):
            return None
        return to_range(found[1], asked.lines, server.encoding)

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def rename_step(params: types.RenameParams) -> types.WorkspaceEdit | None:
        asked = server.question(params.text_document.uri, params.position)
        step = asked.step() if asked else None
        if asked is None or step is None:
            return None
        try:
            edits = rename(step, params.new_name, asked.steps, asked.groups, asked.lines)
        except InputError as error:
            raise JsonRpcInvalidParams(error.message) from error
        return types.WorkspaceEdit({params.text_document.uri: answers.text_edits(edits, asked.lines, server.encoding)})

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions([types.CodeActionKind.QuickFix]))
    def repair(params: types.CodeActionParams) -> list[types.CodeAction]:
        place = place_of(params.text_document.uri)
        project = server.project(place) if place else None
        if place is None or project is None or project.checked is None:
            return []
        text = server.workspace.get_text_document(params.text_document.uri).source
        if project.checked.sources.get(place.path) != text.encode("utf-8", "surrogatepass"):
            return []  # Checked before the last change: its places are no longer these.
        lines, found = split_lines(text), []
        for one in project.checked.diagnostics:
            where = to_range(one.span, lines, server.encoding)
            if one.fix and one.span.path == place.path and _touches(where, params.range):
                edits = {params.text_document.uri: answers.text_edits(one.fix, lines, server.encoding)}
                title = one.help or f"Repair {one.code}"
                found.append(types.CodeAction(title, types.CodeActionKind.QuickFix, edit=types.WorkspaceEdit(edits)))
        return found


def _touches(one: types.Range, other: types.Range) -> bool:
    return one.start <= other.end and other.start <= one.end
