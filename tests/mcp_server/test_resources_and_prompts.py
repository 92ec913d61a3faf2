"""Sections as resources, completion, notices of change, and the two prompts, in both eras of the protocol."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

import anyio
import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourcesListChanged

from gaia_mcp.server import build
from gaia_mcp.tools import definitions as tools

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio
PATIENCE = 30


async def test_each_section_is_a_resource_with_its_exact_text(era: str) -> None:
    async with Client(build(), mode=era) as client:
        listed = (await client.list_resources()).resources
        assert [one.name for one in listed] == ["shop", "pricing-rules", "größe"]
        texts = [(await client.read_resource(one.uri)).contents[0] for one in listed]
    assert [one.text for one in texts] == [  # type: ignore[union-attr]
        "# Shop\n\nThe shop sells things.\n\n",
        '## Pricing rules\n\nA price is **never** rounded, "not once".\n\n',
        "## Größe\n\n- klein\n",
    ]
    assert {one.mime_type for one in texts} == {"text/markdown"}


@pytest.mark.parametrize(
    "uri", ["claude-md://nothing", "claude-md://..%2F..%2Fetc%2Fpasswd", "file:///etc/passwd", "x"]
)
async def test_an_unknown_resource_is_an_error_of_the_caller(uri: str, era: str) -> None:
    async with Client(build(), mode=era) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
    assert refused.value.error.code == types.INVALID_PARAMS


async def test_without_a_file_there_are_no_resources(era: str, project: Path) -> None:
    (project / "CLAUDE.md").unlink()
    async with Client(build(), mode=era) as client:
        assert (await client.list_resources()).resources == []


async def test_sections_and_session_types_are_completed(era: str) -> None:
    section = types.ResourceTemplateReference(uri="claude-md://{section}")
    prompt = types.PromptReference(name="start_session")
    async with Client(build(), mode=era) as client:
        found = await client.complete(section, {"name": "section", "value": "pri"})
        assert found.completion.values == ["pricing-rules"]
        found = await client.complete(prompt, {"name": "type", "value": ""})
        assert found.completion.values == ["quick_fix", "feature_dev", "architecture"]


@pytest.mark.parametrize("folder", [".", ".claude"])
async def test_a_change_of_the_file_is_told_in_the_handshake_era(folder: str, project: Path) -> None:
    told = anyio.Event()
    (project / folder).mkdir(exist_ok=True)
    (project / "CLAUDE.md").replace(project / folder / "CLAUDE.md")

    async def note(message: Any) -> None:
        if isinstance(message, types.ResourceListChangedNotification):
            told.set()

    async with Client(build(), mode="legacy", message_handler=note) as client:
        assert client.server_capabilities.resources is not None
        assert client.server_capabilities.resources.list_changed
        await client.list_resources()
        (project / "notes.txt").write_text("of no interest", encoding="utf-8")
        (project / folder / "CLAUDE.md").write_text("# New\n", encoding="utf-8")
        with anyio.fail_after(PATIENCE):
            await told.wait()
        assert [one.name for one in (await client.list_resources()).resources] == ["new"]


async def test_a_change_of_the_file_is_told_on_a_subscription(project: Path) -> None:
    async with Client(build(), mode="auto") as client, client.listen(resources_list_changed=True) as events:
        (project / "CLAUDE.md").write_text("# New\n", encoding="utf-8")
        with anyio.fail_after(PATIENCE):
            async for event in events:
                assert isinstance(event, ResourcesListChanged)
                break


async def test_the_prompts_say_which_tools_to_call(era: str) -> None:
    async with Client(build(), mode=era) as client:
        assert {one.name for one in (await client.list_prompts()).prompts} == {
            "start_session",
            "review_spend",
        }
        start = await client.get_prompt("start_session", {"type": "quick_fix"})
        review = await client.get_prompt("review_spend")
        with pytest.raises(MCPError):
            await client.get_prompt("start_session", {"type": "slow_fix"})
    assert "budget_session with type='quick_fix'" in start.messages[0].content.text  # type: ignore[union-attr]
    text = review.messages[0].content.text  # type: ignore[union-attr]
    asked = re.findall(r"since='(\w+)' and by='(\w+)'", " ".join(text.split()))
    assert asked == [("session", "model"), ("session", "agent")]
    assert {axis for _, axis in asked} <= set(get_args(tools.Axis))
