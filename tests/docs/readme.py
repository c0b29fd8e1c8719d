"""The examples of the README."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = Path(__file__).resolve().parents[2].joinpath("README.md").read_text("utf-8")


def blocks(language: str, heading: str | None = None) -> list[str]:
    """Return the fenced blocks in a language, of the whole README or of the section below a heading."""
    text = TEXT
    if heading is not None:
        level = heading.partition(" ")[0]
        text = TEXT.partition(f"\n{heading}\n")[2]
        text = re.split(rf"^#{{2,{len(level)}}} ", text, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Return every command of the console blocks, without its comment."""
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [line.removeprefix("$ ").partition("  #")[0].strip() for line in lines]
