"""Uses the page of `samus serve` in Chromium, as a person does, and keeps screenshots.

    Tools/setup-server-clients
    .deps/server-clients/bin/python -m pytest Tools/parity/test_server_page.py

Needs Debian's packages chromium and chromium-driver. The screenshots are in samus-results/page.
"""

import base64
import contextlib
import gzip
import io
import json
import shutil
import statistics
import struct
import subprocess
import time
import urllib.error
import urllib.request

import numpy
import pytest
from PIL import Image
import test_pacs
from test_pacs import orthanc  # noqa: F401, a fixture
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
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(downloads):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,900"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.add_experimental_option("prefs", {
        "download.default_directory": str(downloads), "download.prompt_for_download": False})
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

    def forget(self):
        """Leaves the page and removes what the browser has stored."""
        self.browser.get(self.url + "/health")
        # A page that is left sends its last step.
        time.sleep(0.5)
        self.script("localStorage.clear(); sessionStorage.clear()")

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
            if button.text.lstrip("✓… ") == name:
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

    def click(self, x, y, button="click", size=SIZE):
        self.script("document.getElementById('status').textContent = ''")
        place = self.place(x, y, size)
        mouse = self.mouse().move_to_element_with_offset(self.element("canvas"), *place)
        getattr(mouse, button)().perform()
        self.says("Mask", "Low", "Nothing")

    def click_only(self, x, y):
        mouse = self.mouse().move_to_element_with_offset(self.element("canvas"), *self.place(x, y))
        mouse.click().perform()

    def drag(self, start, end, size=SIZE):
        self.script("document.getElementById('status').textContent = ''")
        (x0, y0), (x1, y1) = self.place(*start, size), self.place(*end, size)
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
def fresh(page, folder):
    """The page without anything that was saved, with the example open."""
    clear(page, folder)
    page.choose("echo.png")
    return page


def clear(page, folder):
    page.forget()
    for name in ["samus-results", "Accepted", "MainPatient"]:
        shutil.rmtree(folder / name, ignore_errors=True)
    page.open()


@contextlib.contextmanager
def served(browser, folder):
    """The page of another server, for a folder with images of its own."""
    with started("--data", folder) as url:
        page = Page(browser, url)
        clear(page, folder)
        yield page
        browser.get("about:blank")


def drafts(folder):
    return sorted((folder / "samus-results" / "drafts").glob("*.json"))


def downloaded(folder, suffix):
    """The next file that was downloaded."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := [file for file in folder.iterdir() if file.name.endswith(suffix)]:
            content = found[0].read_bytes()
            name = found[0].name
            found[0].unlink()
            return name, content
        time.sleep(0.1)
    pytest.fail(f"no file *{suffix} was downloaded")


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


DROP = """
const [names, content] = arguments;
const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
const data = new DataTransfer();
for (const name of names) data.items.add(new File([bytes], name));
const event = new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
document.querySelector("h1").dispatchEvent(event);
return event.defaultPrevented;
"""


def test_files_are_dropped_anywhere(fresh):
    """Beside the image too: a browser would leave the page."""
    image = base64.b64encode(EXAMPLE.read_bytes()).decode()
    for names, says in [(["a.png"], "Ready"), (["b.png", "c.png"], "Only b.png, the first of 2")]:
        fresh.script("document.getElementById('status').textContent = ''")
        assert fresh.script(DROP, names, image)
        fresh.wait(lambda: says in fresh.status)
        assert fresh.browser.title.startswith(names[0])
    assert fresh.script(DROP, ["x.txt"], base64.b64encode(b"not an image").decode())
    fresh.says("the image is none of the known formats")


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


def test_the_server_keeps_the_work(fresh, folder):
    """Without anything in the browser, masks and steps of undo come back from the server."""
    page = fresh
    page.click(178, 105)
    first = page.area
    page.click(140, 165, "context_click")
    second = page.area

    def saved():
        (object,) = json.loads(drafts(folder)[0].read_text())["frames"]["1"]["objects"]
        return len(object["clicks"]) == 2 and object["facts"]["pixel_area"] == second

    page.wait(saved)
    page.forget()
    page.open()
    page.choose("echo.png")
    page.wait(lambda: page.area == second)
    page.keys("z")
    page.wait(lambda: page.area == first)


def test_two_tabs(fresh, server, folder):
    page = fresh
    browser = page.browser
    one = browser.current_window_handle
    browser.switch_to.new_window("tab")
    two = browser.current_window_handle
    try:
        page.open()
        page.choose("echo.png")
        browser.switch_to.window(one)
        page.click(178, 105)
        theirs = page.area
        browser.switch_to.window(two)
        page.wait(lambda: page.status.startswith("Another tab has changed"))
        page.click_only(150, 90)
        page.wait(lambda: page.element("conflict").is_displayed())
        page.shot("two-tabs")
        mine = page.wait(lambda: page.area)
        page.element("take-other").click()
        page.says("The other version is loaded")
        page.wait(lambda: page.area == theirs)
        page.keys("z")
        page.wait(lambda: page.area == mine)
    finally:
        browser.close()
        browser.switch_to.window(one)


def test_another_person(fresh, server, folder):
    """Another browser saves a draft: nothing is overwritten until a person says so."""
    page = fresh
    page.click(178, 105)
    page.wait(lambda: drafts(folder))
    listed = json.load(urllib.request.urlopen(server + "/v1/images"))["images"]
    url = f"{server}/v1/images/{listed[0]['id']}/draft"

    def saved():
        with urllib.request.urlopen(url) as response:
            return json.load(response), response.headers["ETag"]

    page.wait(lambda: saved()[0]["frames"]["1"]["objects"][0]["model"])
    time.sleep(0.5)
    document, tag = saved()
    document["frames"]["1"]["objects"][0]["label"] = "of another person"
    request = urllib.request.Request(
        url, json.dumps(document).encode(), {"Content-Type": "application/json", "If-Match": tag},
        method="PUT")
    assert urllib.request.urlopen(request).status == 204
    page.click_only(150, 90)
    page.wait(lambda: page.element("conflict").is_displayed())
    assert saved()[0]["frames"]["1"]["objects"][0]["label"] == "of another person"
    page.element("keep-mine").click()
    page.says("This version is kept")
    page.wait(lambda: len(saved()[0]["frames"]["1"]["objects"][0]["clicks"]) == 2)


def volume(file, frames=6):
    """The example as a cine of a few frames that moves to the right by 2 pixels a frame, with pixels of 0.5 mm."""
    image = numpy.asarray(Image.open(EXAMPLE).convert("L"))
    height, width = image.shape
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, width, height, frames, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, 1, 0.5, 0.5, 1, 0, 0, 0, 0)
    struct.pack_into("<f", header, 108, 352)
    header[123] = 2
    header[344:348] = b"n+1\0"
    content = bytes(header) + b"".join(numpy.roll(image, 2 * frame, 1).tobytes() for frame in range(frames))
    file.write_bytes(gzip.compress(content))


def test_cine_play_and_track(browser, tmp_path):
    volume(tmp_path / "cine.nii.gz")
    with served(browser, tmp_path) as page:
        page.choose("cine.nii.gz")
        assert page.element("frame-text").text == "1 of 6"
        page.keys(".")
        page.wait(lambda: page.element("frame-text").text == "2 of 6")
        page.element("play").click()
        page.wait(lambda: page.element("frame-text").text.startswith("5 "))
        page.element("play").click()
        page.script("const slider = document.getElementById('frame'); slider.value = 2;"
                    "slider.dispatchEvent(new Event('input'))")
        page.says("Ready")
        page.element("track").click()
        page.says("First set a point")
        page.click(180, 105)
        area = page.area
        assert area > 1000
        assert page.facts()["Size of a pixel"].startswith("0.5000 × 0.5000 mm")
        page.element("label").send_keys("ventricle\t")
        page.element("track").click()
        page.says("Tracked: 6 of 6 frames, nothing found on 0")
        page.shot("tracked")
        assert page.element("marks-text").text.startswith("Object 1: mask on 6 of 6 frames")
        page.keys(".")
        page.wait(lambda: page.element("frame-text").text == "3 of 6")
        assert abs(page.area - area) < 0.15 * area
        assert page.facts()["Origin"] == "tracked from another frame"
        # Undo takes the whole track back, in one step.
        page.keys("z")
        page.wait(lambda: page.element("marks-text").text.startswith("Object 1: mask on 1 of 6"))
        assert page.element("frame-text").text == "2 of 6"
        page.keys("y")
        page.wait(lambda: page.element("marks-text").text.startswith("Object 1: mask on 6 of 6"))
        page.element("accept-all").click()
        page.says("Accepted 6 of 6 frames")
        assert len(list((tmp_path / "Accepted" / "label").glob("*.png"))) == 6
        page.open()
        page.wait(lambda: page.element("marks-text").text.startswith("Object 1: mask on 6 of 6"))


def test_tracking_can_be_stopped(browser, tmp_path):
    volume(tmp_path / "cine.nii.gz", frames=200)
    with served(browser, tmp_path) as page:
        page.choose("cine.nii.gz")
        page.click(178, 105)
        page.element("track").click()
        page.wait(lambda: page.script("return document.getElementById('track-progress').value") > 2)
        page.shot("tracking")
        page.element("track").click()
        page.says("Tracking was stopped")
        done = int(page.status.split(":")[1].split()[0])
        assert 2 < done < 200
        page.keys("z")
        page.wait(lambda: page.element("marks-text").text.startswith("Object 1: mask on 1 of 200"))


def test_dicom_cine_and_segmentation(browser, tmp_path, downloads):
    cine = CINE / "jpeg-cine.dcm"
    if not (PROGRAMS / "samus-dicom").exists():
        pytest.skip("samus-dicom is not built")
    shutil.copy(cine, tmp_path / "cine.dcm")
    with served(browser, tmp_path) as page:
        page.choose("cine.dcm")
        size = page.script(
            "return import('/view.js').then(({ shown }) => [shown.image.width, shown.image.height])")
        page.keys("a")
        page.drag((size[0] // 3, size[1] // 2), (size[0] // 2, size[1] // 2), size)
        page.says("The mask was changed")
        area = page.area
        page.element("label").send_keys("lesion\t")
        page.shot("dicom-cine")
        page.element("export-seg").click()
        page.says("Saved 1 object as DICOM SEG, research use only")
        name, content = downloaded(downloads, ".dcm")
        assert name == "cine.seg.dcm"
        pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
        (tmp_path / "seg.dcm.read").write_bytes(content)
        seg = pydicom.dcmread(tmp_path / "seg.dcm.read")
        source = pydicom.dcmread(cine)
        assert seg.Modality == "SEG" and seg.NumberOfFrames == 1
        assert seg.SegmentSequence[0].SegmentLabel == "lesion"
        assert seg.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"
        assert seg.StudyInstanceUID == source.StudyInstanceUID
        assert int(seg.pixel_array.sum()) == area


def test_downloads(fresh, downloads):
    page = fresh
    page.click(178, 105)
    area = page.area
    assert not page.element("export-seg").is_enabled()
    page.element("export-png").click()
    name, content = downloaded(downloads, ".png")
    assert name == "echo.mask.png"
    (downloads / "mask").write_bytes(content)
    assert (numpy.asarray(Image.open(downloads / "mask").convert("L")) > 0).sum() == area
    page.element("export-coco").click()
    name, content = downloaded(downloads, ".json")
    assert name == "echo.coco.json"
    coco = json.loads(content)
    assert coco["annotations"][0]["area"] == area
    assert "research use only" in coco["info"]["description"]


def test_training(browser, tmp_path):
    """A real training on twelve accepted masks, from the page: it ends, and the new model answers."""
    if not (PROGRAMS / "samus-train").exists():
        pytest.skip("samus-train is not built")
    rng = numpy.random.default_rng(1)
    for index in range(12):
        y, x = numpy.mgrid[:96, :96]
        disc = (x - 40 - 2 * index) ** 2 + (y - 48) ** 2 < (14 + index) ** 2
        image = numpy.where(disc, 150, 50) + rng.integers(0, 40, disc.shape)
        Image.fromarray(image.astype(numpy.uint8)).save(tmp_path / f"disc{index:02}.png")
    with served(browser, tmp_path) as page:
        page.script("document.getElementById('training').open = true")
        page.wait(lambda: "0 images accepted" in page.element("training-count").text)
        assert not page.element("train").is_enabled()
        for index in range(12):
            page.choose(f"disc{index:02}.png")
            page.click(40 + 2 * index, 48, size=(96, 96))
            page.element("accept").click()
            page.says("Accepted")
        page.script("document.getElementById('training').open = false")
        page.script("document.getElementById('training').open = true")
        page.wait(page.element("train").is_enabled)
        page.script("document.getElementById('train-epochs').value = 2")
        page.element("train").click()
        page.wait(lambda: "Epoch 1 of 2" in page.element("training-text").text, 120)
        page.shot("training")
        page.wait(lambda: "Trained on" in page.element("training-text").text, 240)
        assert 0 <= float(page.element("trained-box").text) <= 1
        page.element("use-trained").click()
        page.says("The trained model answers now")
        assert "samus-lite-accepted-" in page.element("model").text
        page.shot("trained")
        page.click(60, 48, size=(96, 96))
        page.element("use-original").click()
        page.says("The former model answers again")
        assert page.element("model").text.startswith("samus-lite,")


def test_batch(browser, tmp_path):
    image = numpy.asarray(Image.open(EXAMPLE).convert("L"))
    for number in range(5):
        Image.fromarray(numpy.roll(image, number, 1)).save(tmp_path / f"scan{number}.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "scan1.png").read_bytes()[:3000])
    with served(browser, tmp_path) as page:
        page.choose("scan0.png")
        page.script("document.querySelector('details').open = true")
        page.element("batch").click()
        page.wait(lambda: page.element("batch-text").text.startswith("First set a point"))
        page.click(178, 105)
        page.element("batch").click()
        page.wait(lambda: page.element("batch-text").text.startswith("Done"))
        text = page.element("batch-text").text
        assert "Done: 4 pre-annotated, 1 left out" in text
        assert "1 not read: broken.png" in text
        page.shot("batch")
        page.choose("scan3.png")
        assert page.area > 1000
        assert page.facts()["Origin"].startswith("pre-annotated")
        # What a person has begun is not pre-annotated again.
        page.element("batch").click()
        page.wait(lambda: page.element("batch-text").text.startswith("Done: 0 pre-annotated, 5 left out"))


def test_batch_can_be_stopped(browser, tmp_path):
    image = numpy.asarray(Image.open(EXAMPLE).convert("L"))
    for number in range(60):
        Image.fromarray(numpy.roll(image, number, 1)).save(tmp_path / f"scan{number:02}.png")
    with served(browser, tmp_path) as page:
        page.choose("scan59.png")
        page.script("document.querySelector('details').open = true;"
                    "document.getElementById('batch-prompt').value = 'middle'")
        page.element("batch").click()
        page.wait(lambda: len(drafts(tmp_path)) > 2)
        page.element("batch").click()
        page.wait(lambda: page.element("batch-text").text.startswith("Stopped"))
        count = len(drafts(tmp_path))
        time.sleep(1)
        assert 2 < count == len(drafts(tmp_path)) < 59
        assert page.element("batch").text == "Start"


def test_pages_of_the_list(browser, tmp_path):
    image = Image.open(EXAMPLE).convert("L").resize((64, 48))
    for number in range(230):
        image.save(tmp_path / f"scan{number:03}.png")
    with served(browser, tmp_path) as page:
        def listed():
            return [button.text for button in page.browser.find_elements("css selector", "#list button")]

        assert page.element("page-text").text == "1 to 100 of 230"
        page.element("later").click()
        page.wait(lambda: page.element("page-text").text == "101 to 200 of 230")
        assert listed()[0] == "scan100.png"
        page.choose("scan199.png")
        page.element("next-image").click()
        page.wait(lambda: page.element("page-text").text == "201 to 230 of 230")
        page.says("Ready")
        current = page.browser.find_element("css selector", "#list button[aria-current=true]")
        assert current.text == "scan200.png"
        page.element("filter").send_keys("scan01")
        page.wait(lambda: page.element("page-text").text == "1 to 10 of 10")
        assert listed() == [f"scan01{digit}.png" for digit in range(10)]
        # After reloading, the list is at the open image.
        page.open()
        page.says("Ready")
        assert page.element("page-text").text == "201 to 230 of 230"


def test_the_mask_follows_its_answer(fresh):
    """From the answer's arrival to the drawn mask: at most 50 ms, in the median."""
    page = fresh
    page.script("""
        const fetched = window.fetch;
        window.fetch = async (...given) => {
          const response = await fetched(...given);
          if (String(given[0]).includes('/segment')) window.arrived = performance.now();
          return response;
        };
        new MutationObserver(() => {
          if (/^(Mask|Low)/.test(document.getElementById('status').textContent)) window.drawn = performance.now();
        }).observe(document.getElementById('status'), { childList: true });
    """)
    times = []
    for index in range(7):
        page.click(170 + 2 * index, 105)
        times.append(page.script("return window.drawn - window.arrived"))
        page.keys("z")
    print(f"\nfrom the answer to the mask: median {statistics.median(times):.0f} ms, largest {max(times):.0f} ms")
    assert 0 < statistics.median(times) < 50


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


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("part", ["page", "help"])
def test_axe(fresh, theme, part):
    """axe-core finds no violation of WCAG 2.1 A and AA, and none of its good practices."""
    axe = pytest.importorskip("axe_core_python.selenium", reason="axe-core-python is not installed")
    page = fresh
    page.click(178, 105)
    page.script("document.documentElement.dataset.theme = arguments[0];"
                "document.querySelector('details').open = true;"
                "document.getElementById('cine').hidden = false", theme)
    if part == "help":
        page.element("help-button").click()
    result = axe.Axe().run(page.browser)
    page.script("document.getElementById('help').close()")
    print(f"\naxe-core {result['testEngine']['version']}: {len(result['passes'])} rules passed")
    found = [f"{each['id']} ({each['impact']}): {node['html'][:120]}"
             for each in result["violations"] for node in each["nodes"]]
    assert found == []
    assert len(result["passes"]) > 20


def test_every_control_is_reached_by_the_keyboard(fresh):
    """Tab visits each control that is visible and enabled, in the order of the page, and comes round."""
    from selenium.webdriver.common.keys import Keys
    page = fresh
    page.click(178, 105)
    controls = page.script("""
        const visible = [...document.querySelectorAll('button, input, select, summary, canvas[tabindex]')]
          .filter((each) => each.checkVisibility() && !each.disabled && !each.closest('dialog'));
        visible.forEach((each, index) => { each.dataset.number = index; });
        document.activeElement.blur();
        return visible.length;""")
    visited = []
    for _ in range(controls + 5):
        page.keys(Keys.TAB)
        number = page.script("return document.activeElement.dataset.number")
        if number is not None and int(number) not in visited:
            visited.append(int(number))
        outline = page.script(
            "const style = getComputedStyle(document.activeElement);"
            "return ['open', ''].includes(document.activeElement.id) || style.outlineStyle !== 'none'")
        assert outline, page.script("return document.activeElement.outerHTML.slice(0, 100)")
    missing = page.script("""
        const visited = new Set(arguments[0]);
        return [...document.querySelectorAll('[data-number]')]
          .filter((each) => !visited.has(Number(each.dataset.number))).map((each) => each.outerHTML.slice(0, 100));
        """, visited)
    assert missing == []


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


# --- An archive --------------------------------------------------------------------------------------


def test_archive(browser, monkeypatch, orthanc):
    """Images of an Orthanc are listed, opened and segmented, and masks are stored in it, once."""
    pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
    address, opener, root = orthanc
    for name, value in test_pacs.CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    def objects(modality):
        query = json.dumps({"Level": "Instance", "Query": {"Modality": modality}}).encode()
        return json.load(opener.open(f"{root}/tools/find", data=query))

    before = set(objects("SEG"))
    with started("--data", address) as url:
        page = Page(browser, url)
        page.open()
        page.wait(lambda: len(page.browser.find_elements("css selector", "#list button")) == len(objects("US")))
        listed = [button.text for button in page.browser.find_elements("css selector", "#list button")]
        entry = next(name for name in listed if "image" in name)
        page.choose(entry)
        page.drag((10, 10), (40, 40), page.script(
            "const c = document.getElementById('canvas'); return [64, 48]"))
        page.says("Mask", "Low", "Nothing")
        page.shot("archive")
        # A mask by brush, whatever the model found.
        page.keys("a")
        page.drag((20, 20), (24, 20), (64, 48))
        page.wait(page.element("store-seg").is_enabled)
        page.element("store-seg").click()
        page.says("Stored 1 object")
        page.element("store-seg").click()
        page.says("The archive already has")
    (new,) = set(objects("SEG")) - before
    stored = pydicom.dcmread(io.BytesIO(opener.open(f"{root}/instances/{new}/file").read()))
    assert stored.Modality == "SEG" and stored.pixel_array.any()
    assert stored.ContentQualification == "RESEARCH"


def test_archives_that_cannot_be_used():
    for address, words in [
            ("http://127.0.0.1:9/dicom-web", "cannot be reached"),
            ("https://user:secret@pacs.example/x", "credentials come from the environment"),
            ("http://pacs.example/x", "--allow-http")]:
        done = subprocess.run(
            [PROGRAMS / "samus-server", "--data", address, "--port", "0"], capture_output=True,
            text=True, timeout=120)
        assert done.returncode == 66 and words in done.stderr and "secret" not in done.stderr
