import pathlib
import re

import pytest

import zoo
from benchmarks import marked, retrieval_report
from benchmarks.papers import tables

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_models_are_compiled_before_they_are_fitted(page):
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        before, fit, _ = block.partition("ae.fit(")
        assert not fit or "ae.compile(" in before


def test_the_readme_lists_every_variant():
    text = (ROOT / "README.md").read_text()
    for entry in zoo.list_variants():
        row = f"| {entry.kind} | {entry.summary} | {entry.source} |"
        assert f"| [`{entry.name}`](docs/variants/{entry.name}.md) {row}" in text


@pytest.mark.parametrize("report", [tables, retrieval_report], ids=["papers", "retrieval"])
def test_the_pages_show_the_results(report):
    assert marked.section(report.MARK, report.markdown()) in report.PAGE.read_text()


def test_only_what_stands_between_the_marks_is_written(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- end of a -->\nafter\n")
    marked.write(page, "a", "new\n")
    assert page.read_text() == "before\n<!-- a -->\nnew\n<!-- end of a -->\nafter\n"
    with pytest.raises(ValueError, match="<!-- b -->"):
        marked.write(page, "b", "new\n")
