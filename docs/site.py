"""Makes the site of these documents: what mkdocs does not know of links between them (a hook of mkdocs.yml).

The documents are written to be read in the repository. Here, those of its root become pages, and what they link to beside
pages (tests, examples) becomes plain text, since it is not on the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
# Documents of the root, as pages.
PAGES = {"README.md": "index.md"} | {
    name: name.lower() for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
}
# Diagrams are drawn where the script is there, a file of the npm package `mermaid`; else they are shown as text.
MERMAID = ROOT / ".npm/site/node_modules/mermaid/dist/mermaid.min.js"
_LINK = re.compile(r"\[([^\]\n]+)\]\((?!https?://|#)([^)#\s]+)(#[^)\s]*)?\)")
_EXTERNAL = re.compile(r"\]\((https?://[^)\s]+)\)")
external: dict[str, None] = {}


def on_config(config: Any) -> Any:
    """Draw diagrams if that needs nobody's server."""
    if MERMAID.exists():
        config.extra_javascript.append("mermaid.js")
        fence = {"name": "mermaid", "class": "mermaid", "format": _as_it_is}
        config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [fence]}
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the documents of the root."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    if MERMAID.exists():
        files.append(File.generated(config, "mermaid.js", abs_src_path=str(MERMAID)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Lead links to pages to where the pages are, and others nowhere."""
    del config
    external.update(dict.fromkeys(_EXTERNAL.findall(markdown)))
    [folder] = [posixpath.dirname(name) for name, made in PAGES.items() if made == page.file.src_uri] or ["docs"]

    def led(match: re.Match[str]) -> str:
        text, target, anchor = match[1], posixpath.normpath(posixpath.join(folder, match[2])), match[3] or ""
        found = PAGES.get(target, target.removeprefix("docs/"))
        if not files.get_file_from_path(found) and (ROOT / target).exists():
            return text
        return f"[{text}]({found}{anchor})"

    return _LINK.sub(led, markdown)


def on_post_build(config: Any) -> None:
    """List what leads out of the site, for whoever wants to try it; nothing of it is asked for here."""
    Path(config.site_dir, "external-links.txt").write_text("".join(f"{link}\n" for link in sorted(external)))


def _as_it_is(source: str, *_: Any, **__: Any) -> str:
    return f'<pre class="mermaid"><code>{source}</code></pre>'
