"""The site of the documents (`make site`): built strictly, led by links that hold, read without a network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SOURCES = ("docs", "mkdocs.yml")


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("mkdocs"), "build", "--site-dir", site]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr
    return folder


class Asked(HTMLParser):
    """What a browser fetches to show a page, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.fetched.append(found.get("src") or "")
        if tag == "link" and found.get("rel") in ("stylesheet", "icon", "preconnect", "preload"):
            self.fetched.append(found.get("href") or "")
        if tag == "a":
            self.links.append(found.get("href") or "")


def test_nothing_is_fetched_from_elsewhere(site):
    pages = [*site.glob("*.html")]
    assert len(pages) > 30
    fetched = {(page.name, what) for page in pages for what in Asked(page.read_text()).fetched}
    assert [each for each in sorted(fetched) if re.match(r"(https?:)?//", each[1])] == []
    assert "url(http" not in "".join(path.read_text() for path in site.glob("assets/stylesheets/*.css"))


def test_all_documents_are_pages_and_their_links_lead_to_pages(site):
    documents = {path.stem.lower() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))} - {"readme"}
    assert documents <= {page.stem for page in site.glob("*.html")}
    links = [link for page in site.glob("*.html") for link in Asked(page.read_text()).links]
    assert [link for link in sorted({*links}) if link.partition("#")[0].endswith((".md", ".py", ".yaml"))] == []


def test_links_that_lead_out_are_listed(site):
    listed = (site / "external-links.txt").read_text().splitlines()
    assert "https://github.com/cert-manager/issuer-lib" in listed
    assert all(re.fullmatch(r"https?://\S+", each) for each in listed)


@pytest.mark.parametrize("link", ["nowhere.md", "dns.md#nowhere", "../tests/nowhere.py"])
def test_a_link_that_leads_nowhere_stops_the_build(link, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in ROOT.iterdir():
        if path.name not in (*SOURCES, "site", ".npm"):
            (copy / path.name).symlink_to(path)
    for name in SOURCES:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile)(ROOT / name, copy / name)
    with (copy / "docs/dns.md").open("a") as page:
        page.write(f"\nSee [there]({link}).\n")
    done = build(copy, tmp_path / "site")
    assert (done.returncode, link.rpartition("/")[2] in done.stderr) == (1, True)


def test_a_page_stands_once_in_the_navigation():
    named = re.findall(r"[a-z-]+\.md", yaml.safe_dump(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(named) == sorted({*named})
