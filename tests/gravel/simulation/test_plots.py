"""A run as pictures and as a page; named skips where matplotlib or chromium is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from gravel.simulation import plots
from gravel.simulation.page import page
from gravel.simulation.sweep_report import Swept, plot, settings, table, to_json
from scheduler.simulator.delays import Delay
from scheduler.simulator.fleet import simulate
from scheduler.simulator.scenario import Arrival, Arrivals, Cluster, Scenario, Solver
from scheduler.simulator.summary import summarise

LABELS = {
    "gantt": (
        "time since the start, min",
        "challenges, oldest first",
        "(a sample: 1 in 2 of 90)",
        "waits for a slot",
    ),
    "queue": ("time since the start, min", "challenges", "cap 30"),
    "utilisation": ("time since the start, min", "in use, %", "workers"),
    "time-to-certificate": ("time from the request to the certificate, min", "certificates issued, %", "p95"),
}


@pytest.fixture(scope="module")
def run():
    return simulate(
        Scenario(90, solver=Solver("DNS-01", propagation=Delay("uniform", 0, 90_000)), cluster=Cluster(cap=30))
    )


@pytest.fixture(scope="module")
def figures(run):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed; get it with: pip install 'gravel[plots]'")
    return plots.draw(run)


@pytest.mark.parametrize("name", LABELS)
def test_a_picture_names_its_axes_with_their_units(figures, name):
    text = plots.svg(figures[name])
    assert [label for label in LABELS[name] if label not in text] == []


def test_the_same_run_gives_the_same_picture(figures, run):
    del figures
    once, again = ({name: plots.svg(figure) for name, figure in plots.draw(run).items()} for _ in range(2))
    assert once == again


def test_pictures_are_written_in_both_formats(figures, tmp_path):
    written = plots.save(figures, tmp_path)
    assert sorted(path.name for path in written) == sorted(
        f"{name}.{suffix}" for name in LABELS for suffix in ("svg", "png")
    )
    assert all(path.stat().st_size > 1000 for path in written)


def test_a_run_that_led_to_nothing_has_pictures_too(figures):
    stuck = simulate(Scenario(3, solver=Solver(stuck=1.0), until=60_000))
    assert sorted(plots.draw(stuck)) == sorted(figures)
    assert sorted(plots.draw(simulate(Scenario(0)))) == sorted(figures)


def test_without_matplotlib_it_is_said_how_to_get_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(plots.NoPlots, match=r"pip install 'gravel\[plots\]'"):
        plots.draw(run)


class References(HTMLParser):
    """What a page asks others for."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [
            value
            for name, value in attributes
            if name in ("src", "href", "xlink:href", "action") and not value.startswith("#")
        ]
        self.found += [tag] if tag in ("script", "link", "iframe") else []


def test_the_page_needs_nothing_but_itself(run, figures):
    text = page(run, summarise(run), figures, "gravel simulate --challenges 90", ["Workers <were> the bottleneck."])
    references = References()
    references.feed(text)
    assert references.found == []
    assert "gravel simulate --challenges 90" in text
    assert "Workers &lt;were&gt; the bottleneck." in text
    assert run.digest in text


def test_the_page_shows_of_a_long_list_its_beginning(figures):
    run = simulate(Scenario(1000, arrivals=Arrivals(Arrival.GIVEN, moments=tuple(range(1000)))))
    text = page(run, summarise(run), figures, "gravel simulate fleet.yaml")
    assert "and 980 more" in text
    assert "999" not in text[text.index("The scenario") :]


def test_a_browser_shows_the_page(run, figures, tmp_path):
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed; get it with: make clients")
    file = tmp_path / "page.html"
    file.write_text(page(run, summarise(run), figures, "gravel simulate"), encoding="utf-8")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        file.as_uri(),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert shown.count("<svg") == 4
    assert "time to certificate" in shown


def sweep():
    return [
        Swept(
            {"workers": str(workers)},
            seed,
            summarise(simulate(Scenario(30, seed=seed, cluster=Cluster(workers=workers)))),
        )
        for workers in (5, 30)
        for seed in range(3)
    ]


def test_a_sweep_has_a_row_for_each_setting_with_its_spread():
    assert [(dict(each.knobs), each.seeds, each.makespan.median) for each in settings(sweep())] == [
        ({"workers": "5"}, 3, 54_000),
        ({"workers": "30"}, 3, 10_000),
    ]
    assert to_json(sweep())[0]["makespan_s"] == {"min": 54.0, "median": 54.0, "max": 54.0}
    assert [column.header for column in table(sweep()).columns][:2] == ["workers", "makespan"]


def test_a_sweep_has_a_picture(figures):
    del figures
    text = plots.svg(plot(sweep()))
    assert [label for label in ("workers 5", "workers 30", "makespan", "time, s") if label not in text] == []
