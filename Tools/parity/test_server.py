"""Talks to `samus serve` with the programs that people use: MONAI Label's client (3D Slicer), X-AnyLabeling,
Triton's client, and recorded requests of Label Studio and CVAT.

    Tools/setup-server-clients
    .deps/server-clients/bin/python -m pytest Tools/parity/test_server.py

A client that is not installed is named and its tests are skipped. The masks are compared with the one of
`POST /v1/segment`.
"""

import base64
import contextlib
import gzip
import http.client
import io
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import types
import urllib.error
import urllib.request

import numpy
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "Examples" / "echo-a4c-frame10.png"
MODEL = ROOT / "Models" / "samus-lite.samus"
PROGRAMS = pathlib.Path(os.environ.get("SAMUS_PROGRAMS", ROOT / ".build" / "release"))
BOX = [150, 48, 208, 140]
CLICK = (178, 105)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    (folder / "echo.png").write_bytes(EXAMPLE.read_bytes())
    (folder / "second.png").write_bytes(EXAMPLE.read_bytes())
    return folder


@contextlib.contextmanager
def running(*arguments):
    """A server that runs meanwhile: its address and its process."""
    program = PROGRAMS / "samus-server"
    if not program.exists():
        pytest.exit(f"{program} is missing: run 'make serve' first", returncode=2)
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [program, "--model", "samus-lite", "--port", "0", *map(str, arguments)],
            stderr=log)
        try:
            for _ in range(600):
                log.seek(0)
                if found := re.search(r"http://127\.0\.0\.1:\d+", log.read()):
                    break
                assert process.poll() is None, "the server did not start"
                time.sleep(0.1)
            yield found.group(), process
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def started(*arguments):
    """The address of a server that runs meanwhile."""
    with running(*arguments) as (url, process):
        yield url
    assert process.returncode == 0, "SIGTERM must end the server with exit code 0"


@pytest.fixture(scope="session")
def server(folder):
    """The address of a running server."""
    with started("--data", folder) as url:
        yield url


def call(url, value):
    request = urllib.request.Request(
        url, json.dumps(value).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def encoded(file=EXAMPLE):
    return base64.b64encode(file.read_bytes()).decode()


def masks(server, file, frame=1):
    """Masks of /v1/segment, for the box and for the click."""
    def mask(prompt):
        answer = call(
            server + "/v1/segment", {"image": encoded(file), "frame": frame, **prompt})
        png = base64.b64decode(answer["masks"][0]["png"])
        return numpy.asarray(Image.open(io.BytesIO(png))) > 0

    x, y = CLICK
    found = {"box": mask({"box": BOX}), "click": mask({"clicks": [{"x": x, "y": y}]})}
    assert all(mask.any() for mask in found.values())
    return found


@pytest.fixture(scope="session")
def expected(server):
    return masks(server, EXAMPLE)


def filled(points, shape):
    """The mask of a polygon along pixel edges."""
    cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    scale = 16
    mask = numpy.zeros(shape, numpy.uint8)
    corners = ((numpy.asarray(points) - 0.5) * scale).round().astype(numpy.int32)
    cv2.fillPoly(mask, [corners], 1, shift=4)
    return mask > 0


def iou(first, second):
    return (first & second).sum() / (first | second).sum()


# --- MONAI Label -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def volume(tmp_path_factory):
    """Three slices as NIfTI, the example in the middle, with an affine that is not symmetric."""
    image = numpy.asarray(Image.open(EXAMPLE).convert("L"))
    height, width = image.shape
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, width, height, 3, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, 1, 0.5, 0.25, 2, 0, 0, 0, 0)
    struct.pack_into("<f", header, 108, 352)
    struct.pack_into("<h", header, 254, 1)
    struct.pack_into("<12f", header, 280, 0, 0, 2, 10, 0.5, 0, 0, 20, 0, 0.25, 0, 30)
    header[344:348] = b"n+1\0"
    noise = numpy.random.default_rng(0).integers(0, 50, image.shape, numpy.uint8)
    content = bytes(header) + b"".join(each.tobytes() for each in [noise, image, noise])
    file = tmp_path_factory.mktemp("volume") / "volume.nii.gz"
    file.write_bytes(gzip.compress(content))
    return file


class TestMONAILabel:
    @pytest.fixture(scope="class")
    def expected(self, server, volume):
        # In grey, as the volume is.
        return masks(server, volume, frame=2)

    @pytest.fixture(scope="class")
    def client(self, server, tmp_path_factory):
        module = pytest.importorskip("monailabel.client", reason="monailabel is not installed")
        return module.MONAILabelClient(server, tmpdir=str(tmp_path_factory.mktemp("monai")))

    @pytest.fixture(scope="class")
    def nrrd(self):
        return pytest.importorskip("nrrd", reason="pynrrd is not installed")

    def test_info(self, client):
        assert not client.auth_enabled()
        info = client.info()
        assert "config" not in info
        assert info["models"]["samus"]["type"] == "deepgrow"
        assert info["datastore"]["total"] == 2

    def check(self, nrrd, file, expected):
        values, header = nrrd.read(file)
        height, width = expected.shape
        assert values.shape == (width, height, 3)
        # LPS: the rows of the NIfTI file's affine for x and y change their sign.
        assert header["space"] == "left-posterior-superior"
        numpy.testing.assert_allclose(
            header["space directions"], [[0, -0.5, 0], [0, 0, 0.25], [-2, 0, 0]])
        numpy.testing.assert_allclose(header["space origin"], [-10, -20, 30])
        assert not values[:, :, [0, 2]].any()
        assert (values[:, :, 1].T.astype(bool) == expected).all()

    def test_session(self, client, nrrd, volume, expected):
        session = client.create_session(str(volume))
        assert client.get_session(session["session_id"])
        x, y = CLICK
        params = {
            "label": "ventricle", "foreground": [[x, y, 1]], "background": [], "slice": 1,
            "result_extension": ".nrrd", "result_dtype": "uint8"}
        file, answer = client.infer("samus", "", params, session_id=session["session_id"])
        self.check(nrrd, file, expected["click"])
        assert answer["label_names"] == {"ventricle": 1}
        client.remove_session(session["session_id"])
        with pytest.raises(Exception, match="404|session"):
            client.get_session(session["session_id"])

    def test_file_and_swapped_roi(self, client, nrrd, volume, expected):
        x0, y0, x1, y1 = BOX
        params = {"roi": [x1, x0, y0, y1, 1, 1], "foreground": [], "background": []}
        file, _ = client.infer("samus", "", params, file=str(volume))
        self.check(nrrd, file, expected["box"])

    def test_uploaded_image(self, client, nrrd, volume, expected):
        x, y = CLICK
        assert client.upload_image(str(volume), "case-1")["image"] == "case-1"
        file, _ = client.infer("samus", "case-1", {"foreground": [[x, y, 1]], "slice": 1})
        self.check(nrrd, file, expected["click"])

    def test_labels_and_next_sample(self, client, tmp_path):
        sample = client.next_sample("first", {})
        label = tmp_path / "label.nrrd"
        label.write_bytes(b"NRRD0004\nnot read by the server")
        assert client.save_label(sample["id"], str(label), "final")["image"] == sample["id"]
        assert "final" in client.datastore()["objects"][sample["id"]]["labels"]
        stored = client.download_label(sample["id"], "final")
        assert pathlib.Path(stored).read_bytes() == label.read_bytes()
        assert stored.endswith(".nrrd")
        assert client.next_sample("random", {})["id"] != sample["id"]
        assert not client.train_status(True)
        # With too few accepted masks, the reason arrives.
        assert client.info()["trainers"]["samus"]["config"]["max_epochs"] > 0
        # 3D Slicer names no model where all trainers are chosen.
        for model in ["samus", None]:
            with pytest.raises(Exception) as caught:
                client.train_start(model, {"max_epochs": 1})
            assert "a training needs" in caught.value.msg

    def test_errors_have_a_reason(self, client):
        with pytest.raises(Exception) as caught:
            client.infer("samus", "no-such-image", {"foreground": [[1, 1, 0]]})
        assert "no-such-image" in caught.value.msg


# --- X-AnyLabeling ---------------------------------------------------------------------------------


class TestXAnyLabeling:
    @pytest.fixture(scope="class")
    def remote(self, server, tmp_path_factory):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        try:
            from anylabeling import config as settings
            from anylabeling.services.auto_labeling.remote_server import RemoteServer
        except ImportError as error:
            pytest.skip(f"x-anylabeling-cvhub is not installed: {error}")
        # Settings of its own instead of the user's.
        work = str(tmp_path_factory.mktemp("x-anylabeling"))
        settings.set_work_directory(work)
        settings.current_config_file = os.path.join(work, ".xanylabelingrc")
        configuration = {"type": "remote_server", "name": "remote", "display_name": "remote"}
        remote = RemoteServer(configuration, on_message=print)
        # As its settings would have them.
        remote.server_url, remote.predict_url = server, server + "/v1/predict"
        assert list(remote.get_available_models()) == ["samus", "samus-video"]
        remote.set_model_id("samus")
        return remote

    @pytest.mark.parametrize("kind", ["click", "box"])
    def test_marks(self, remote, expected, kind):
        x, y = CLICK
        remote.set_auto_labeling_marks(
            [{"type": "point", "data": [x, y], "label": 1}] if kind == "click"
            else [{"type": "rectangle", "data": BOX}])
        result = remote.predict_shapes(object(), str(EXAMPLE))
        assert len(result.shapes) == 1
        points = [(point.x(), point.y()) for point in result.shapes[0].points]
        value = iou(filled(points, expected[kind].shape), expected[kind])
        print(f"\nX-AnyLabeling, {kind}: IoU of the polygon and the mask {value:.4f}")
        assert value > 0.9

    def test_cine(self, remote, expected, tmp_path, monkeypatch):
        """Points on the first of three images, then all images, as its window does it."""
        from anylabeling.views.labeling.utils import batch

        paths = []
        for index in range(3):
            paths.append(str(tmp_path / f"{index}.png"))
            # Another name for each frame, one position: the outlines must be equal.
            shutil.copy(EXAMPLE, paths[-1])
        saved = {}
        monkeypatch.setattr(
            batch, "save_auto_labeling_result",
            lambda widget, path, result: saved.update({path: result.shapes}))
        remote.set_model_id("samus-video")
        assert remote.get_batch_processing_mode() == "video"
        remote._widget = types.SimpleNamespace(image_list=paths)
        x, y = CLICK
        remote.set_auto_labeling_marks([{"type": "point", "data": [x, y], "label": 1}])
        marked = remote.predict_shapes(object(), paths[0]).shapes
        remote.set_auto_labeling_marks([])
        remote.predict_shapes(object(), paths[0], run_tracker=True)
        remote._reset_video_session()
        remote.set_model_id("samus")
        assert sorted(saved) == paths
        outlines = [
            [(point.x(), point.y()) for point in shapes[0].points]
            for shapes in [marked, *(saved[path] for path in paths)]]
        values = [
            iou(filled(outline, expected["click"].shape), expected["click"]) for outline in outlines]
        print(f"\nX-AnyLabeling, cine: IoU of the polygons and the mask {values}")
        assert min(values) > 0.9


# --- Open Inference Protocol -----------------------------------------------------------------------


class TestTriton:
    @pytest.mark.parametrize("is_binary", [True, False])
    def test_infer(self, server, expected, is_binary):
        http = pytest.importorskip("tritonclient.http", reason="tritonclient is not installed")
        client = http.InferenceServerClient(server.removeprefix("http://"))
        assert client.is_server_live() and client.is_server_ready()
        assert client.is_model_ready("samus")
        assert client.get_model_metadata("samus")["inputs"][0]["name"] == "image"
        image = http.InferInput("image", [1], "BYTES")
        content = EXAMPLE.read_bytes() if is_binary else encoded().encode()
        image.set_data_from_numpy(numpy.array([content], object), binary_data=is_binary)
        points = http.InferInput("points", [1, 2], "FP32")
        points.set_data_from_numpy(numpy.array([CLICK], numpy.float32), binary_data=is_binary)
        labels = http.InferInput("labels", [1], "INT64")
        labels.set_data_from_numpy(numpy.array([1], numpy.int64), binary_data=is_binary)
        outputs = [
            http.InferRequestedOutput(name, binary_data=is_binary) for name in ["mask", "iou"]]
        result = client.infer("samus", [image, points, labels], outputs=outputs)
        mask = result.as_numpy("mask").astype(bool)
        assert (mask == expected["click"]).all()
        assert result.as_numpy("iou").shape == (1,)
        client.close()

    @pytest.mark.parametrize("is_binary", [True, False])
    def test_networks(self, server, is_binary):
        """The same tensors as from the ONNX files of the bundle in onnxruntime."""
        http = pytest.importorskip("tritonclient.http", reason="tritonclient is not installed")
        onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
        client = http.InferenceServerClient(server.removeprefix("http://"))

        def call(model, arrays):
            tensors = []
            for name, array in arrays.items():
                tensors.append(http.InferInput(name, array.shape, "FP32"))
                tensors[-1].set_data_from_numpy(array, binary_data=is_binary)
            names = [output["name"] for output in client.get_model_metadata(model)["outputs"]]
            outputs = [http.InferRequestedOutput(name, binary_data=is_binary) for name in names]
            answer = client.infer(model, tensors, outputs=outputs)
            return {name: answer.as_numpy(name) for name in names}

        def reference(name, arrays):
            session = onnxruntime.InferenceSession(
                str(MODEL / f"{name}.onnx"), providers=["CPUExecutionProvider"])
            return dict(zip([o.name for o in session.get_outputs()], session.run(None, arrays)))

        shape = client.get_model_metadata("samus-encoder")["inputs"][0]["shape"]
        image = numpy.random.default_rng(1).random(shape, numpy.float32)
        embedding = call("samus-encoder", {"images": image})["image_embeddings"]
        expected = reference("encoder", {"images": image})["image_embeddings"]
        largest = numpy.abs(embedding - expected).max() / numpy.abs(expected).max()
        prompts = {
            "image_embeddings": embedding,
            "point_coords": numpy.array([[[100, 90]], [[40, 50]]], numpy.float32),
            "point_labels": numpy.ones((2, 1), numpy.float32)}
        found = call("samus-decoder", prompts)
        side = 4 * embedding.shape[-1]
        full = reference("decoder", prompts | {
            "mask_input": numpy.zeros((1, 1, side, side), numpy.float32),
            "has_mask_input": numpy.zeros(1, numpy.float32)})
        assert found.keys() <= full.keys()
        difference = max(numpy.abs(found[name] - full[name]).max() for name in found)
        print(f"\nencoder {largest:.1e} of the largest value, decoder {difference:.1e}")
        assert largest < 1e-3 and difference < 5e-3
        client.close()


# --- Recorded requests -----------------------------------------------------------------------------


class TestLabelStudio:
    """Requests as Label Studio 1.x sends them to an ML backend."""

    def request(self, name, control):
        width, height = Image.open(EXAMPLE).size
        x, y = CLICK
        region = {
            "original_width": width, "original_height": height, "image_rotation": 0,
            "value": {
                "x": (x + 0.001) / width * 100, "y": (y + 0.001) / height * 100, "width": 0.5,
                "keypointlabels": ["Ventricle"]},
            "is_positive": 1, "id": "a", "from_name": "point", "to_name": "image",
            "type": "keypointlabels", "origin": "manual"}
        return {
            "tasks": [{"id": 1, "data": {"image": f"/data/local-files/?d={name}"}}],
            "project": "1.1", "params": {"context": {"result": [region]}},
            "label_config":
                f'<View><Image name="image" value="$image"/><{control} name="tag" toName="image">'
                f'<Label value="Ventricle"/></{control}></View>'}

    def test_setup(self, server):
        assert "model_version" in call(server + "/setup", {"project": "1.1", "schema": "<View/>"})

    def test_brush(self, server, expected):
        brush = pytest.importorskip(
            "label_studio_sdk.converter.brush", reason="label-studio-sdk is not installed")
        answer = call(server + "/predict", self.request("echo.png", "BrushLabels"))
        region = answer["results"][0]["result"][0]
        values = brush.decode_rle(region["value"]["rle"])
        mask = values.reshape(*expected["click"].shape, 4)[:, :, 3] > 0
        assert (mask == expected["click"]).all()

    def test_polygon(self, server, expected):
        answer = call(server + "/predict", self.request("echo.png", "PolygonLabels"))
        region = answer["results"][0]["result"][0]
        scale = numpy.array([region["original_width"], region["original_height"]]) / 100
        points = numpy.array(region["value"]["points"]) * scale
        assert iou(filled(points, expected["click"].shape), expected["click"]) > 0.9


def test_cvat(server, expected):
    """A request as CVAT sends it to the nuclio function of an interactor."""
    answer = call(
        server + "/", {"image": encoded(), "pos_points": [list(CLICK)], "neg_points": [], "obj_bbox": []})
    assert (numpy.array(answer["mask"], bool) == expected["click"]).all()
    assert iou(filled(answer["points"], expected["click"].shape), expected["click"]) > 0.9


# --- Killed while it writes ------------------------------------------------------------------------


def put(url, value, tag):
    headers = {"Content-Type": "application/json", **({"If-Match": tag} if tag else {})}
    request = urllib.request.Request(url, json.dumps(value).encode(), headers, method="PUT")
    with urllib.request.urlopen(request) as response:
        return response.headers["ETag"]


def tag_of(url):
    try:
        with urllib.request.urlopen(url) as response:
            return response.headers["ETag"]
    except urllib.error.HTTPError as error:
        assert error.code == 404
        return None


def test_killed_while_saving(tmp_path):
    """kill -9 at random moments: what is stored is a whole version, before or after the save, and can be gone on with."""
    for name in ["a", "b"]:
        (tmp_path / f"{name}.png").write_bytes(EXAMPLE.read_bytes())
    width, height = Image.open(EXAMPLE).size
    chance = random.Random(1)
    rle = {}
    with started("--data", tmp_path) as url:
        for columns in [40, 80]:
            answer = call(url + "/v1/segment", {
                "image": encoded(), "box": [columns, 48, columns + 80, 140], "mask": "rle"})
            rle[columns] = (answer["masks"][0]["rle"], answer["masks"][0]["pixel_area"])
    assert rle[40][1] != rle[80][1]
    saved = 0
    for _ in range(15):
        with running("--data", tmp_path) as (url, process):
            listed = json.load(urllib.request.urlopen(url + "/v1/images"))["images"]
            kill = threading.Timer(chance.uniform(0.05, 0.6), process.kill)
            kill.start()
            with contextlib.suppress(OSError, http.client.HTTPException):
                while True:
                    for entry in listed:
                        annotation = f"{url}/v1/images/{entry['id']}/annotation"
                        columns = chance.choice([40, 80])
                        put(annotation, {"objects": [{"label": "a", "mask": rle[columns][0]}]}, tag_of(annotation))
                        draft = f"{url}/v1/images/{entry['id']}/draft"
                        put(draft, {"format_version": 1, "frames": {}, "filler": "x" * 200_000 + str(columns)}, tag_of(draft))
                        saved += 1
            kill.join()
            process.wait(30)
        # The next start completes what was begun.
        with started("--data", tmp_path) as url:
            for entry in json.load(urllib.request.urlopen(url + "/v1/images"))["images"]:
                if not entry["accepted"]:
                    continue
                name = entry["name"].removesuffix(".png")
                record = json.loads((tmp_path / "Accepted" / "provenance" / f"{name}.json").read_text())
                label = numpy.asarray(Image.open(tmp_path / "Accepted" / "label" / f"{name}.png"))
                assert label.shape == (height, width)
                area = next(area for runs, area in rle.values() if runs == record["objects"][0]["mask"])
                assert (label > 0).sum() == area
                assert numpy.asarray(Image.open(tmp_path / "Accepted" / "img" / f"{name}.png")).shape[:2] == (height, width)
                assert f"1/Accepted/{name}" in (tmp_path / "MainPatient" / "train-Accepted.txt").read_text().splitlines()
        for file in (tmp_path / "samus-results" / "drafts").glob("*.json"):
            assert len(json.loads(file.read_text())["filler"]) == 200_002
        left = [file for folder in ["Accepted", "MainPatient"] for file in (tmp_path / folder).rglob("*") if "partial" in file.name]
        assert left == []
    print(f"\n{saved} saves, and 15 times kill -9")
    assert saved >= 5
