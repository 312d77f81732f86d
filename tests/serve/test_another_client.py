"""The language server, asked by a client that others wrote: every message passes that library's types of the protocol."""

from __future__ import annotations

import asyncio
import sys

from lsprotocol import types
from pygls.lsp.client import BaseLanguageClient

PLAN = """\
schema: planloom/plan/v1
id: demo
name: Demo
version: 1.0.0
steps:
  - key: lint
    run: make lint
  - key: test
    needs: [lint]
    run: make test
  - key: build
    needs: [lnt]
    run: make build
"""


async def converse(uri):
    """Start a server, do what an editor does once with each feature, stop it; returns the answers by name."""
    client = BaseLanguageClient("a test", "1")
    published = asyncio.get_running_loop().create_future()

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def show(params):
        if params.uri == uri and params.diagnostics and not published.done():
            published.set_result(params.diagnostics)

    await client.start_io(sys.executable, "-m", "planloom", "serve", "lsp")
    agreed = await client.initialize_async(types.InitializeParams(capabilities=types.ClientCapabilities()))
    client.initialized(types.InitializedParams())
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(uri=uri, language_id="yaml", version=1, text=PLAN))
    )
    document = types.TextDocumentIdentifier(uri)
    need = types.Position(line=8, character=13)
    answers = {
        "able": agreed.capabilities,
        "found": await asyncio.wait_for(published, 60),
        "hover": await client.text_document_hover_async(types.HoverParams(document, need)),
        "definition": await client.text_document_definition_async(types.DefinitionParams(document, need)),
        "completion": await client.text_document_completion_async(types.CompletionParams(document, need)),
        "rename": await client.text_document_rename_async(types.RenameParams(document, need, new_name="style")),
    }
    await client.shutdown_async(None)
    client.exit(None)
    await asyncio.wait_for(client._server.wait(), 60)
    answers["status"] = client._server.returncode
    await client.stop()
    return answers


def test_every_feature_answers_a_client_that_others_wrote(tmp_path):
    (tmp_path / "specs").mkdir()
    file = tmp_path / "specs/demo.yaml"
    file.write_text(PLAN)
    uri = file.as_uri()
    answers = asyncio.run(converse(uri))
    assert answers["able"].rename_provider
    (mistake,) = [one for one in answers["found"] if one.severity is types.DiagnosticSeverity.Error]
    assert (mistake.code, mistake.range.start.line) == ("PL401", 11)
    assert "**lint**" in answers["hover"].contents.value
    assert (answers["definition"].uri, answers["definition"].range.start.line) == (uri, 5)
    items = answers["completion"] if isinstance(answers["completion"], list) else answers["completion"].items
    assert {"lint", "test", "build"} <= {item.label for item in items}
    edits = answers["rename"].changes[uri]
    assert sorted((edit.range.start.line, edit.new_text) for edit in edits) == [(5, "style"), (8, "style")]
    assert answers["status"] == 0
