import pathlib
import re

import pytest

import zoo
from benchmarks import retrieval_report
from benchmarks.papers import tables

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_readme_lists_every_variant():
    text = (ROOT / "README.md").read_text()
    for entry in zoo.list_variants():
        row = f"| {entry.kind} | {entry.summary} | {entry.source} |"
        assert f"| [`{entry.name}`](docs/variants/{entry.name}.md) {row}" in text


def test_the_readme_shows_the_results_of_the_papers_tables():
    assert tables.MARKS[0] + tables.markdown() + tables.MARKS[1] in (ROOT / "README.md").read_text()


def test_the_page_on_retrieval_shows_its_results():
    shown = retrieval_report.MARKS[0] + retrieval_report.markdown() + retrieval_report.MARKS[1]
    assert shown in retrieval_report.PAGE.read_text()
