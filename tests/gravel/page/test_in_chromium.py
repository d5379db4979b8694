"""The page in a real browser, in front of a real house."""

from __future__ import annotations

import asyncio
import http.server
import json
import socket
import ssl
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import attrs
import pytest
from dnslib import DNSRecord
from playwright.sync_api import Page, expect

from gravel.management.page_endpoints import FILES
from issuer_bridge.diagnosis.finding import Finding
from tests.gravel.acme_on_wire import WireClient
from tests.gravel.conftest import ANY_PORT_UP, GRAVEL, Launched
from tests.gravel.page.browser import chromium

pytestmark = [pytest.mark.client("chromium"), pytest.mark.timeout(240)]

UP = ("--apply", str(Path(__file__).parents[3] / "examples"))
WIDE, PHONE = {"width": 1180, "height": 760}, {"width": 390, "height": 780}
# view -> what is on it once the examples are issued.
VIEWS = {
    "orders": "www.example.test",
    "scheduler": "of 60 slots in use",
    "certificates": "shop.example.test",
    "accounts": "EC P-256",
    "faults": "No fault is armed",
    "dns": "_acme-challenge.apps.example.test",
    "zone": "Nothing was written",
    "http": "GET www.example.test/.well-known/acme-challenge/",
    "journal": "Certificate issued",
    "authority": "CN=gravel root",
}


@attrs.frozen
class House:
    """A running `gravel up`."""

    ready: dict

    def ask(self, path, document=None, method="POST"):
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.ready["management"] + path, body, method=method)
        trust = ssl.create_default_context(cafile=self.ready["tls_ca"])
        with urllib.request.urlopen(request, context=trust) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def order(self, name, *dns_names):
        """Apply a Certificate, and with it an order."""
        spec = {
            "secretName": name,
            "dnsNames": list(dns_names),
            "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"},
            "privateKey": {"algorithm": "ECDSA"},
        }
        metadata = {"name": name, "namespace": "default"}
        document = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": metadata, "spec": spec}
        url = f"{self.ready['kubernetes']}/apis/cert-manager.io/v1/namespaces/default/certificates"
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(document).encode(), headers)).close()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house for all tests that leave it as good as it was; its examples are issued."""
    folder = tmp_path_factory.mktemp("house") / "temporary"
    folder.mkdir()
    one = Launched([*GRAVEL, "up", "--json", *UP, *ANY_PORT_UP], folder)
    try:
        ready = one.line()
        one.lines_until(lambda line: line.get("event") == "timeline")
        yield House(ready)
    finally:
        one.stop()


@pytest.fixture
def visit(browser, house):
    """Open a view; at the end nothing may have gone wrong in the browser, and nobody else been asked.

    Whose server ends with the test names `launch` first, so that pages are closed before it.
    """
    contexts, wrong, asked = [], [], []

    def open_view(view="orders", at=house, viewport=WIDE, **options) -> Page:
        context = browser.new_context(ignore_https_errors=True, viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{at.ready['management']}/#/default/{view}")
        expect(page.locator("#live")).to_have_text("live")
        return page

    open_view.wrong = wrong
    yield open_view
    for context in contexts:
        context.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith("https://127.0.0.1:")] == []


# What has the focus, and how that is shown.
FOCUSED = """() => {
  const it = document.activeElement;
  const name = it === document.body ? "BODY" : it.textContent.trim() || it.getAttribute("aria-label") || it.tagName;
  return [name, getComputedStyle(it).outlineStyle];
}"""


def width_beyond(page):
    """Return by how much the page is wider than its window."""
    return page.evaluate("document.scrollingElement.scrollWidth - innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_view_is_drawn_and_fits_its_window(visit, viewport, scheme):
    page = visit(viewport=viewport, color_scheme=scheme)
    for view, text in VIEWS.items():
        page.evaluate("view => location.hash = `#/default/${view}`", view)
        expect(page.locator("main")).to_contain_text(text)
        assert (view, width_beyond(page)) == (view, 0)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(paper.removeprefix("rgb(").split(",")[0]) > 128) == (scheme == "light")


def test_an_order_is_shown_with_what_its_validation_asked_and_all_that_happened(visit):
    page = visit()
    page.get_by_role("link", name="www.example.test").click()
    main = page.locator("main")
    expect(main.get_by_role("heading", level=1)).to_have_text("www.example.test")
    expect(main.locator(".attempt")).to_contain_text("GET http://www.example.test/.well-known/acme-challenge/")
    expect(main.locator(".attempt")).to_contain_text("Successfully authorized domain")
    expect(main.locator(".timeline")).to_contain_text("Challenge queued")
    expect(main.locator(".timeline li").last).to_contain_text("Request issued")
    expect(main.locator(".why-panel")).to_be_visible()
    page.get_by_role("link", name="Orders").first.click()
    expect(page.locator(".rows")).to_be_visible()


def test_a_certificate_leads_to_its_order_and_can_be_saved(visit):
    page = visit("certificates")
    page.get_by_role("link", name="www.example.test").click()
    expect(page.locator("pre")).to_contain_text("BEGIN CERTIFICATE")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the chain").click()
    assert download.value.path().read_text().count("BEGIN CERTIFICATE") == 2
    page.locator("main dd a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("www.example.test")


def test_an_order_that_is_made_while_somebody_looks_appears_and_is_followed(visit, house):
    page = visit()
    house.order("live", "live.example.test")
    row = page.locator("tr", has_text="live.example.test")
    expect(row).to_contain_text("valid")
    expect(row.get_by_role("img")).to_have_attribute("aria-label", "1 of 1 authorizations valid, finalized, issued")


def test_a_search_finds_names_and_a_status_leaves_the_others_out(visit):
    page = visit()
    page.keyboard.press("/")
    page.keyboard.type("SHOP.example")
    expect(page.locator(".rows tbody a")).to_have_text(["api.example.test, shop.example.test"])
    page.keyboard.press("Escape")
    expect(page.locator(".rows tbody a").nth(2)).to_be_visible()
    page.goto(page.url.partition("#")[0] + "#/default/orders?status=invalid")
    expect(page.locator("main")).to_contain_text("Nothing fits.")


FIRST_SEEN = """() => {
  const [main, head] = [document.querySelector("main"), document.querySelector(".rows th")];
  const y = head.getBoundingClientRect().bottom + 20;
  return document.elementFromPoint(main.getBoundingClientRect().left + 40, y).closest("tr").cells[0].textContent;
}"""


def test_of_a_long_list_there_are_the_rows_that_are_seen_and_who_reads_further_down_stays_there(visit, house):
    def ask_dns(number):
        host, port = house.ready["dns"].rsplit(":", 1)
        DNSRecord.question(f"q-{number}.test").send(host, int(port), timeout=10)

    for number in range(400):
        ask_dns(number)
    page = visit("dns?text=q-")
    expect(page.locator(".rows tbody")).to_contain_text("q-399.test")
    assert page.locator(".rows [data-id]").count() < 100
    page.evaluate("() => { const main = document.querySelector('main'); main.scrollTop = main.scrollHeight; }")
    expect(page.locator(".rows tbody")).to_contain_text("q-0.test")
    assert page.locator(".rows [data-id]").count() < 100
    page.evaluate("() => { document.querySelector('main').scrollTop -= 3400; }")
    expect(page.locator(".rows tbody")).to_contain_text("q-100.test")
    seen = page.evaluate(FIRST_SEEN)
    ask_dns(400)
    expect(page.locator(".rows")).to_have_attribute("aria-rowcount", "402")
    assert page.evaluate(FIRST_SEEN) == seen


def test_hands_on_the_keys_get_everywhere(visit):
    page = visit()
    expect(page.locator(".rows tbody a").first).to_be_visible()
    names = page.locator(".rows tbody a").all_inner_texts()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.innerText") == names[1]
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.innerText") == names[-1]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(names[-1])
    page.keyboard.press("Backspace")
    expect(page.locator(".rows")).to_be_visible()
    page.keyboard.press("2")
    expect(page.get_by_role("heading", level=1)).to_have_text("Scheduler")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("walk along a list")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("t")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_tab_reaches_every_control_and_shows_where_it_is(visit):
    page = visit("faults")
    expect(page.locator("option").nth(5)).to_be_attached()
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    assert [name for name, outline in seen if outline == "none" and name != "BODY"] == []
    assert {"Skip to the content", "gravel", "Scheduler", "Authority", "Arm", "Rule, as JSON"} <= {
        name for name, _ in seen
    }


def test_faults_are_armed_and_disarmed(visit, house):
    page = visit("faults")
    rule = page.get_by_label("Rule, as JSON")
    rule.fill(rule.get_attribute("placeholder"))
    page.get_by_role("button", name="Arm", exact=True).last.click()
    expect(page.locator("main table")).to_contain_text("every-third")
    expect(page.get_by_role("link", name="Faults")).to_have_text("Faults1")
    page.get_by_role("button", name="Disarm every-third").click()
    expect(page.locator("main")).to_contain_text("No fault is armed")
    assert house.ask("/faults", method="GET") == {"faults": []}
    rule.fill('{"action": "loose"}')
    page.get_by_role("button", name="Arm", exact=True).last.click()
    expect(page.get_by_role("alert")).to_contain_text("the action 'loose' is not known; the nearest is 'lose'")
    assert visit.wrong.pop().endswith("status of 400 (Bad Request)")


def test_a_world_is_chosen_its_clock_stopped_and_advanced_and_it_is_reset(visit, house):
    house.ask("/worlds", {"id": "w", "start": "2026-01-01T00:00:00Z", "frozen": True})
    page = visit()
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#world").select_option("w")
    expect(page.locator("main")).to_contain_text("No order yet")
    expect(page.locator("#clock")).to_have_text("2026-01-01 00:00:00")
    page.locator("#clock").click()
    page.get_by_role("button", name="1 day").click()
    expect(page.locator("#clock")).to_have_text("2026-01-02 00:00:00")
    page.get_by_role("button", name="Let it run").click()
    expect(page.get_by_role("button", name="Freeze")).to_be_visible()
    page.get_by_role("button", name="Reset the world").click()
    expect(page.locator("#clock")).to_have_text("2026-01-01 00:00:00")
    page.close()
    house.ask("/worlds/w", method="DELETE")


OWNED = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"


def test_what_strangers_write_is_never_markup(visit, house):
    host, port = house.ready["http01"].rsplit(":", 1)
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(
            f"GET /{OWNED.replace(' ', '/')} HTTP/1.1\r\nHost: a.test\r\nUser-Agent: {OWNED}\r\n\r\n".encode()
        )
        stranger.recv(1024)
    host, port = house.ready["dns"].rsplit(":", 1)
    DNSRecord.question("<b>bold</b>.test", "TXT").send(host, int(port), timeout=10)
    house.ask("/set-txt", {"host": "owned.test", "value": OWNED})
    page = visit("http")
    for view, text in {"http": "onerror", "dns": "<b>bold</b>", "zone": "onerror"}.items():
        page.evaluate("view => location.hash = `#/default/${view}`", view)
        expect(page.locator("main .rows")).to_contain_text(text)
        assert page.locator("main").locator("img, script, .rows td b:text('bold')").count() == 0
    assert "owned" not in page.title()
    house.ask("/clear-txt", {"host": "owned.test"})


class Spiteful(http.server.BaseHTTPRequestHandler):
    """Answers validations with markup."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(OWNED.encode())

    def log_message(self, *_):
        pass


async def respond(ready, name):
    """Have a name validated over http-01."""
    trust = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ready["tls_ca"]))
    async with aiohttp.ClientSession(connector=trust) as session:
        world = SimpleNamespace(base_url=ready["directory"].removesuffix("/dir"))
        client = WireClient(
            SimpleNamespace(session=session, running=SimpleNamespace(parts=SimpleNamespace(world=world)))
        )
        await client.register()
        _, order = await client.order(name)
        challenges = (await client.get(order["authorizations"][0]))["challenges"]
        await client.post(next(each["url"] for each in challenges if each["type"] == "http-01"), {})


def test_what_a_validated_host_answers_is_never_markup(launch, visit):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Spiteful) as spiteful, ThreadPoolExecutor() as threads:
        threads.submit(spiteful.serve_forever, 0.05)
        ready = launch("serve", "--http01-port", str(spiteful.server_address[1])).ready
        threads.submit(asyncio.run, respond(ready, "spiteful.test")).result()
        page = visit(at=House(ready))
        page.get_by_role("link", name="spiteful.test").click()
        expect(page.locator("main .problem").first).to_contain_text("<img src=x onerror=")
        spiteful.shutdown()
    assert page.locator("main").locator("img, script").count() == 0
    assert "owned" not in page.title()


def test_the_page_lives_through_a_restart_of_its_server(launch, visit):
    first = launch("up", *UP)
    page = visit(at=House(first.ready))
    expect(page.locator(".rows tbody a").first).to_be_visible()
    first.stop()
    expect(page.locator("#live")).to_have_text("reconnecting")
    launch("up", "--management-port", first.ready["management"].rsplit(":", 1)[1])
    expect(page.locator("#live")).to_have_text("live", timeout=30_000)
    expect(page.locator("main")).to_contain_text("No order yet")
    visit.wrong[:] = [text for text in visit.wrong if "ERR_" not in text]


def test_where_the_server_wants_a_token_the_page_asks_for_it_once(browser, launch):
    ready = launch("up", *UP, "--management-token", "s3cret").ready
    page = browser.new_context(ignore_https_errors=True).new_page()
    page.goto(f"{ready['management']}/")
    page.get_by_role("textbox", name="Token").fill("s3cret")
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_have_text("live")
    expect(page.locator(".rows tbody a").first).to_be_visible()
    page.reload()
    expect(page.locator("#live")).to_have_text("live")
    page.context.close()


def test_what_explain_finds_is_drawn_in_its_words(visit):
    """Of the endpoint there is its contract here: a verdict and findings, as JSON."""
    found = Finding("no-address", "order/x", "The <b>name</b> has no address.", "an A record", "you", "add one", True)
    page = visit()
    page.route("**/page/summary", lambda route: route.fulfill(json={**route.fetch().json(), "explains": True}))
    page.route(
        "**/explain/order/*", lambda route: route.fulfill(json={"verdict": "stuck", "findings": [found.to_json()]})
    )
    page.reload()
    page.get_by_role("link", name="www.example.test").click()
    panel = page.get_by_role("region", name="Why is it stuck")
    expect(panel.get_by_role("heading", level=2)).to_have_text("Why is it stuck◍stuck")
    expect(panel.get_by_role("heading", level=3)).to_have_text("The <b>name</b> has no address.")
    for text in ("an A record", "you", "add one", "no-address", "It will not pass by itself."):
        expect(panel).to_contain_text(text)


def test_files_are_the_only_modules_that_are_loaded(visit):
    page = visit()
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({name}) => name)")
    names = {url.rsplit("/", 1)[1] for url in loaded if "/page/files/" in url}
    assert names == {path.name for path in FILES.iterdir()} - {"index.html"}
