"""The page in a real browser: hostile text stays text, and a phone needs no sideways scrolling."""

from __future__ import annotations

import re
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pytest

from clvmodels.report import write_report
from tests.native import need_program
from tests.report import ahead
from tests.report.factory import make_run, scores_table
from tests.report.page import Page

pytestmark = pytest.mark.slow
POLICY = '<meta http-equiv="Content-Security-Policy"'


class Listener(SimpleHTTPRequestHandler):
    """Serves a folder and remembers what was asked for."""

    asked: list[str]

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    listener = ThreadingHTTPServer(("127.0.0.1", 0), partial(Listener, directory=tmp_path))
    listener.asked = []
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield listener
    listener.shutdown()
    listener.server_close()
    thread.join()


def dom(url, tmp_path, width=1200):
    """Give the document after a browser has done all that the page makes it do."""
    chromium = need_program("chromium", "chromium-browser", "google-chrome")
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--virtual-time-budget=3000",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900",
        "--dump-dom",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def payload(port):
    """Text that runs, loads and takes over wherever it is not text."""
    bait = f"http://127.0.0.1:{port}/stolen"
    return (
        f"<script>document.title='taken';fetch('{bait}')</script><img src='{bait}' "
        f"onerror=\"document.title='taken'\">\"'><svg/onload=\"document.title='taken'\">"
        f"<style>@import '{bait}'</style><a href=\"javascript:1\">=cmd|'/c calc'!A1\u202e"
    )


def hostile_run(folder, evil):
    scores = scores_table(60)
    ids = pa.array([f"{place}{evil}" + "y" * 10_000 * (place == 1) for place in range(60)])
    scores = scores.set_column(0, "customer_id", ids)

    def change(run, check):
        ahead.everything(run)
        run["config"].update(customer_id=evil, amount=evil, currency=evil, date="x" * 10_000)
        run["config"][evil] = evil
        run["inputs"][0]["name"] = evil
        run["warnings"] = [{"code": evil, "message": evil, "count": 1}]
        run["gates"] = [{"level": "amber", "name": evil, "evidence": evil, "advice": evil}]
        run["rows"]["quarantined"] = {evil: 591}
        run["models"]["purchases"]["parameters"] = {evil: 1.0}
        for row in run["segments"]["rows"]:
            row.update(name=evil, action=evil, definition=evil)
        run["change"]["previous"]["run"] = evil
        run["change"]["moves"]["rows"][0].update({"from": evil, "to": evil})
        run["cohorts"]["rows"][0]["cohort"] = evil
        run["payback"]["labels"].update(label=evil)
        run["payback"]["labels"]["rows"][0]["value"] = evil
        run["sensitivity"]["entries"][0].update(label=evil)
        run["scenarios"]["items"][0].update(title=evil, sentence=evil)
        run["last_forecast"]["sentence"] = evil
        for row in run["staff_card"]["segments"]:
            row["segment"] = evil
        run["staff_card"]["examples"][0].update(title=evil, situation=evil, lesson=evil)
        last = check["splits"][-1]
        last["breakdowns"][evil] = [row | {"group": evil} for row in last["breakdowns"]["cohort"]]

    return make_run(folder, scores=scores, change=change)


@pytest.mark.parametrize("name", ["report.html", "staff-card.html"])
def test_hostile_text_does_nothing_in_a_browser(tmp_path, server, name):
    evil = payload(server.server_port)
    run = hostile_run(tmp_path / "run", evil)
    write_report(run, paper="none")
    page = (run / name).read_text("utf-8")
    # Its policy would stop what escaping let through; so without it too.
    assert POLICY in page
    (run / f"open-{name}").write_text(re.sub(rf"{POLICY}[^>]*>", "", page), "utf-8")
    for file in (name, f"open-{name}"):
        found = dom(f"http://127.0.0.1:{server.server_port}/run/{file}", tmp_path)
        assert "<title>What" in found
        assert "&lt;script&gt;" in found
        elements = Page(found).elements
        assert not {"script", "img"} & {tag for tag, _ in elements}
        for _, attributes in elements:
            assert not [name for name in attributes if name.startswith("on")]
            assert (attributes.get("href") or "#").startswith("#")
        assert "taken</title>" not in found
    assert not [path for path in server.asked if "stolen" in path]


def test_the_payload_does_harm_where_it_is_not_escaped(tmp_path, server):
    (tmp_path / "raw.html").write_text(
        f"<html><body>{payload(server.server_port)}</body></html>", "utf-8"
    )
    found = dom(f"http://127.0.0.1:{server.server_port}/raw.html", tmp_path)
    assert "taken</title>" in found
    assert [path for path in server.asked if "stolen" in path]


MEASURE = """<html><body>
<iframe id="page" src="{page}" style="border:0;width:{width}px;height:900px"></iframe>
<script>
document.getElementById("page").onload = function () {{
  const root = this.contentDocument.documentElement;
  document.title = "wide " + root.scrollWidth + " of " + root.clientWidth;
}};
</script></body></html>"""


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("name", ["report.html", "staff-card.html"])
@pytest.mark.parametrize("kind", ["usual", "hostile"])
def test_no_page_scrolls_sideways(tmp_path, server, name, width, kind):
    if kind == "usual":
        run = make_run(tmp_path / "run", change=lambda run, _: ahead.everything(run))
    else:
        run = hostile_run(tmp_path / "run", payload(server.server_port))
    write_report(run, paper="none")
    measure = MEASURE.format(page=f"run/{name}", width=width)
    (tmp_path / "measure.html").write_text(measure, "utf-8")
    found = dom(f"http://127.0.0.1:{server.server_port}/measure.html", tmp_path)
    wide, seen = map(int, re.search(r"wide (\d+) of (\d+)", found).groups())
    assert wide <= seen
