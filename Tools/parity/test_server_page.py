"""Uses the page of `samus serve` in Chromium, as a person does, and keeps screenshots.

    Tools/setup-server-clients
    .deps/server-clients/bin/python -m pytest Tools/parity/test_server_page.py

Needs Debian's packages chromium and chromium-driver. The screenshots are in samus-results/page.
"""

import json
import pathlib
import shutil
import subprocess
import time
import urllib.request

import pytest
from test_server import EXAMPLE, PROGRAMS, ROOT, started

SHOTS = ROOT / "samus-results" / "page"
CINE = ROOT / "Tests" / "Fixtures" / "dicom"
SIZE = (320, 240)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for name in ["echo.png", "second.png"]:
        shutil.copy(EXAMPLE, folder / name)
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with started("--data", folder) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,900"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield browser
    browser.quit()


class Page:
    def __init__(self, browser, url):
        self.browser, self.url = browser, url
        SHOTS.mkdir(parents=True, exist_ok=True)

    def open(self):
        self.browser.get(self.url)
        self.wait(lambda: self.script("return document.documentElement.dataset.ready"))

    def script(self, text, *arguments):
        return self.browser.execute_script(text, *arguments)

    def wait(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.05)
        self.shot("failed")
        pytest.fail(f"waited for {seconds} s; the page says: {self.status}")

    def shot(self, name):
        self.browser.save_screenshot(str(SHOTS / f"{name}.png"))

    def element(self, name):
        return self.browser.find_element("id", name)

    @property
    def status(self):
        return self.element("status").text

    def says(self, *starts):
        return self.wait(lambda: self.status.startswith(starts))

    def choose(self, name):
        self.script("document.getElementById('status').textContent = ''")
        for button in self.browser.find_elements("css selector", "#list button"):
            if button.text.removeprefix("✓ ") == name:
                button.click()
                break
        self.says("Ready")

    def place(self, x, y, size=SIZE):
        """Offsets from the middle of the canvas, for an image that fits."""
        width, height = self.script(
            "const box = document.getElementById('canvas').getBoundingClientRect();"
            "return [box.width, box.height]")
        scale = min(width / size[0], height / size[1])
        return round((x + 0.5 - size[0] / 2) * scale), round((y + 0.5 - size[1] / 2) * scale)

    def mouse(self):
        from selenium.webdriver.common.action_chains import ActionChains
        return ActionChains(self.browser)

    def click(self, x, y, button="click"):
        self.script("document.getElementById('status').textContent = ''")
        mouse = self.mouse().move_to_element_with_offset(self.element("canvas"), *self.place(x, y))
        getattr(mouse, button)().perform()
        self.says("Mask", "Low", "Nothing")

    def drag(self, start, end):
        self.script("document.getElementById('status').textContent = ''")
        (x0, y0), (x1, y1) = self.place(*start), self.place(*end)
        mouse = self.mouse().move_to_element_with_offset(self.element("canvas"), x0, y0)
        mouse.click_and_hold().move_by_offset((x1 - x0) // 2, (y1 - y0) // 2)
        mouse.move_by_offset(x1 - x0 - (x1 - x0) // 2, y1 - y0 - (y1 - y0) // 2).release().perform()

    def keys(self, keys):
        self.mouse().send_keys(keys).perform()

    def facts(self):
        return dict(self.script(
            "return [...document.querySelectorAll('#facts dt')].map("
            "(term) => [term.textContent, term.nextElementSibling.textContent])"))

    @property
    def area(self):
        return int(self.facts().get("Area", "0").split()[0])


@pytest.fixture(scope="module")
def page(browser, server):
    return Page(browser, server)


@pytest.fixture
def fresh(page):
    """The page without anything that was saved, with the example open."""
    page.open()
    page.script("localStorage.clear(); sessionStorage.clear()")
    page.open()
    page.choose("echo.png")
    return page


def test_notice_is_always_in_sight(page):
    page.open()
    for theme in ["dark", "light"]:
        page.script("document.documentElement.dataset.theme = arguments[0]", theme)
        assert page.element("notice").is_displayed()
        assert "Research use only" in page.element("notice").text
        page.shot(f"empty-{theme}")


def test_click_correct_undo_redo_and_reload(fresh):
    page = fresh
    page.click(178, 105)
    first = page.area
    assert first > 1000
    assert "No mm" in page.facts()
    page.shot("click")
    page.click(140, 165, "context_click")
    second = page.area
    assert second != first
    page.shot("background-point")
    page.keys("z")
    assert page.area == first
    page.keys("y")
    assert page.area == second
    page.open()
    page.wait(lambda: page.area == second)
    page.keys("z")
    assert page.area == first
    spacing = page.element("spacing")
    spacing.send_keys("0.5\t")
    page.wait(lambda: page.facts().get("") == f"{first * 0.25:.1f} mm²")


def test_box_brush_and_next_object(fresh):
    page = fresh
    page.keys("b")
    page.drag((150, 48), (208, 140))
    page.says("Mask", "Low")
    box = page.area
    assert box > 1000
    page.shot("box")
    page.keys("a")
    page.drag((60, 60), (80, 60))
    page.says("The mask was changed")
    assert page.area > box
    page.keys("e")
    page.drag((60, 60), (80, 60))
    page.says("The mask was changed")
    assert abs(page.area - box) < 0.02 * box
    page.element("label").send_keys("ventricle\t")
    page.element("next-object").click()
    page.keys("p")
    page.click(178, 105)
    assert len(page.browser.find_elements("css selector", "#objects button")) == 2
    page.element("contour").click()
    page.shot("two-objects-contour")
    page.element("contour").click()


def test_nothing_found_is_said(fresh):
    page = fresh
    page.click(5, 230)
    page.shot("corner")
    # Whatever the model finds in a black corner, the page says how sure it is.
    assert page.status.startswith(("Nothing found", "Low confidence", "Mask of"))


def test_keyboard_alone(fresh):
    from selenium.webdriver.common.keys import Keys
    page = fresh
    page.script("document.getElementById('canvas').focus()")
    page.keys(Keys.ARROW_RIGHT * 9 + Keys.ARROW_UP * 7)
    page.says("Cross at 178, 106")
    page.script("document.getElementById('status').textContent = ''")
    page.keys(" ")
    page.says("Mask", "Low")
    assert page.area > 1000
    page.keys("z")
    assert page.area == 0


def test_window_level_and_zoom(fresh):
    page = fresh
    page.click(178, 105)
    page.script(
        "const slider = document.getElementById('window'); slider.value = 90;"
        "slider.dispatchEvent(new Event('input'))")
    for _ in range(14):
        page.keys("+")
    page.shot("zoom")
    page.keys("0")


def test_accept_and_conflict(fresh, folder, server):
    page = fresh
    page.click(178, 105)
    page.element("label").send_keys("ventricle\t")
    page.element("accept").click()
    page.says("Accepted into the dataset Accepted as echo")
    assert page.element("progress-text").text == "1 of 2 accepted"
    assert (folder / "Accepted" / "label" / "echo.png").exists()
    record = json.loads((folder / "Accepted" / "provenance" / "echo.json").read_text())
    assert record["objects"][0]["label"] == "ventricle"
    assert (folder / "MainPatient" / "train-Accepted.txt").read_text() == "1/Accepted/echo\n"

    # Somebody else stores another version.
    listed = json.load(urllib.request.urlopen(server + "/v1/images"))["images"]
    url = f"{server}/v1/images/{listed[0]['id']}/annotation"
    with urllib.request.urlopen(url) as response:
        tag = response.headers["ETag"]
    record["objects"][0]["label"] = "somebody else's"
    request = urllib.request.Request(
        url, json.dumps({"objects": record["objects"]}).encode(),
        {"Content-Type": "application/json", "If-Match": tag}, method="PUT")
    urllib.request.urlopen(request)
    page.click(150, 90, "context_click")
    page.element("accept").click()
    page.says("Not stored")
    page.shot("conflict")
    page.element("reload-stored").click()
    page.says("The accepted masks")
    assert page.element("label").get_attribute("value") == "somebody else's"
    page.element("accept").click()
    page.says("Accepted")

    # Reloading without anything saved in the browser shows what was accepted.
    page.script("localStorage.clear()")
    page.open()
    page.choose("echo.png")
    page.wait(lambda: page.area > 1000)


def test_cine_from_a_file(fresh):
    page = fresh
    cine = next((file for file in sorted(CINE.glob("*.dcm")) if "cine" in file.name), None)
    if cine is None or not (PROGRAMS / "samus-dicom").exists():
        pytest.skip("there is no cine, or samus-dicom is not built")
    page.element("open").send_keys(str(cine))
    page.wait(lambda: page.element("cine").is_displayed())
    text = page.element("frame-text").text
    page.keys(".")
    page.wait(lambda: page.element("frame-text").text != text)
    page.element("play").click()
    page.wait(lambda: page.element("frame-text").text.startswith(("1 ", "3 ", "4 ")))
    page.element("play").click()
    page.shot("cine")


CHECK = """
const problems = [];
const named = (element) => element.getAttribute('aria-label') || element.labels?.length
  || element.textContent.trim() || element.getAttribute('aria-labelledby');
for (const element of document.querySelectorAll('button, input, canvas, dialog, progress')) {
  if (!named(element)) problems.push(`no name: ${element.outerHTML.slice(0, 80)}`);
}
const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
if (new Set(ids).size !== ids.length) problems.push('an id occurs twice');
if (!document.documentElement.lang) problems.push('no language');
const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const luminance = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(channel);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const opaque = (colour) => !/rgba\\(.*, 0\\)$/.test(colour);
for (const element of document.querySelectorAll('body *')) {
  if (!element.checkVisibility() || element.disabled || !element.offsetWidth) continue;
  const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!hasText) continue;
  let back = element;
  while (back && !opaque(getComputedStyle(back).backgroundColor)) back = back.parentElement;
  const one = luminance(getComputedStyle(element).color);
  const other = luminance(getComputedStyle(back || document.body).backgroundColor);
  const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (ratio < 4.5) problems.push(`contrast ${ratio.toFixed(2)}: ${element.outerHTML.slice(0, 80)}`);
}
return problems;
"""


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_names_and_contrast(fresh, theme):
    """Every control has a name, and text a contrast of at least 4.5 (WCAG 2.1, AA)."""
    page = fresh
    page.click(178, 105)
    page.script("document.documentElement.dataset.theme = arguments[0]", theme)
    page.shot(f"mask-{theme}")
    assert page.script(CHECK) == []


def test_no_errors_in_the_console(fresh):
    page = fresh
    page.browser.get_log("browser")
    page.open()
    page.choose("second.png")
    page.click(178, 105)
    # The page asks whether something was accepted; the answer may be 404.
    errors = [
        entry for entry in page.browser.get_log("browser")
        if entry["level"] == "SEVERE" and "/annotation" not in entry["message"]]
    assert errors == []
