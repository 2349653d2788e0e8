"""What a Linux desktop is told of Triptych: menu entry, metadata, file types, icons, and the script that installs them."""

from __future__ import annotations

import configparser
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from engine.imaging import formats

ROOT = Path(__file__).parents[2]
LINUX = ROOT / "packaging" / "linux"
METAINFO = LINUX / "io.github.triptych_sr.triptych.metainfo.xml"
GERMAN = "{http://www.w3.org/XML/1998/namespace}lang"
# What the formats are called there; BMP and GIF are read only.
MIME_TYPES = {"png": "png", "jpeg": "jpeg", "tiff": "tiff", "webp": "webp", "avif": "avif", "gif": "gif", "bmp": "bmp",
              "heif": "heif", "jxl": "jxl"}  # fmt: skip


@pytest.fixture
def entry() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(LINUX / "triptych.desktop", encoding="utf-8")
    return parser["Desktop Entry"]


@pytest.fixture
def metainfo() -> ET.Element:
    return ET.parse(METAINFO).getroot()


def listed(text: str) -> list[str]:
    return [part for part in text.split(";") if part]


def needs(tool: str) -> str:
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed")
    return found


def test_the_menu_entry_opens_files_with_the_command(entry: configparser.SectionProxy) -> None:
    assert entry["Exec"] == "triptych %F"
    assert entry["TryExec"] == "triptych"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "triptych" in project["project"]["scripts"]
    # The window says that it belongs to this entry.
    assert 'setDesktopFileName("triptych")' in (ROOT / "app" / "main.py").read_text()
    assert entry["StartupWMClass"] == entry["Icon"] == "triptych"


def test_every_format_that_is_read_is_offered(entry: configparser.SectionProxy) -> None:
    known = {formats.format_of_extension(extension) for extension in formats.readable_extensions()}
    assert known == set(MIME_TYPES)
    assert {f"image/{name}" for name in MIME_TYPES.values()} <= set(listed(entry["MimeType"]))


def test_metadata_entry_and_file_types_agree(entry: configparser.SectionProxy, metainfo: ET.Element) -> None:
    offered = listed(entry["MimeType"])
    assert [each.text for each in metainfo.iterfind("provides/mediatype")] == offered
    assert {each.text for each in metainfo.iterfind("categories/category")} == set(listed(entry["Categories"]))
    own = {each.get("type") for each in ET.parse(LINUX / "triptych-mime.xml").getroot()}
    assert own == {name for name in offered if name.startswith("application/")}
    assert metainfo.findtext("launchable") == "triptych.desktop"
    assert metainfo.findtext("id") == METAINFO.name.removesuffix(".metainfo.xml")


def test_the_metadata_tells_of_this_version_and_of_the_screenshot_that_is_there(metainfo: ET.Element) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    releases = [each.get("version") for each in metainfo.iterfind("releases/release")]
    assert releases[0] == project["version"]
    assert metainfo.findtext("project_license") == project["license"]
    for image in metainfo.iterfind("screenshots/screenshot/image"):
        assert image.text is not None
        file = LINUX / image.text.rpartition("/")[2]
        assert QImage(str(file)).size() == QSize(int(image.get("width", 0)), int(image.get("height", 0)))


def test_everything_that_is_read_has_a_german_version(metainfo: ET.Element) -> None:
    for parent in metainfo.iter():
        children = [each for each in parent if each.tag in ("summary", "p", "li", "caption")]
        plain = [each.tag for each in children if each.get(GERMAN) is None]
        assert plain == [each.tag for each in children if each.get(GERMAN) == "de"]


def test_the_validators_of_the_desktop_find_no_fault() -> None:
    appstream = needs("appstreamcli")
    told = subprocess.run(
        [appstream, "validate", "--no-net", str(METAINFO)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout
    desktop = needs("desktop-file-validate")
    told = subprocess.run([desktop, str(LINUX / "triptych.desktop")], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")


def test_checkpoints_are_recognised_and_lists_of_paths_are_not(tmp_path: Path) -> None:
    tool = needs("update-mime-database")
    packages = tmp_path / "share" / "mime" / "packages"
    packages.mkdir(parents=True)
    shutil.copy(LINUX / "triptych-mime.xml", packages)
    subprocess.run([tool, str(tmp_path / "share" / "mime")], check=True, capture_output=True)
    (tmp_path / "weights.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    (tmp_path / "packages.pth").write_text("/usr/lib/python3/somewhere\n")
    with zipfile.ZipFile(tmp_path / "model.pth", "w") as archive:
        archive.writestr("model_epoch_12/data.pkl", b"\x80\x02}.")
    with zipfile.ZipFile(tmp_path / "other.pth", "w") as archive:
        archive.writestr("letters/hello.txt", "hello")
    ask = (
        "import sys\nfrom PySide6.QtCore import QMimeDatabase\nbase = QMimeDatabase()\n"
        "print(*(base.mimeTypeForFile(name).name() for name in sys.argv[1:]))"
    )
    names = ["weights.safetensors", "model.pth", "packages.pth", "other.pth"]
    data_folders = os.environ | {"XDG_DATA_HOME": str(tmp_path / "share"), "XDG_DATA_DIRS": "/usr/share"}
    told = subprocess.run(
        [sys.executable, "-c", ask, *names], cwd=tmp_path, env=data_folders, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [
        "application/x-safetensors", "application/x-pytorch-checkpoint", "text/plain", "application/zip",
    ]  # fmt: skip


def test_the_icons_are_what_the_drawing_gives(qapp: QApplication, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("render_icons", LINUX / "render_icons.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(tmp_path)
    kept = {int(file.stem): QImage(str(file)) for file in (LINUX / "icons").iterdir()}
    assert sorted(kept) == list(script.SIZES_PX)
    for size_px, image in kept.items():
        assert image.size() == QSize(size_px, size_px)
        drawn = QImage(str(tmp_path / f"{size_px}.png"))
        # Another version of Qt may round a pixel otherwise, and no more.
        far = [
            (x, y)
            for x in range(size_px)
            for y in range(size_px)
            if max(
                abs(a - b)
                for a, b in zip(image.pixelColor(x, y).getRgb(), drawn.pixelColor(x, y).getRgb(), strict=True)
            )
            > 24
        ] if size_px <= 64 else []  # fmt: skip
        assert len(far) <= size_px
        assert image.pixelColor(size_px // 2, size_px // 2).alpha() == 255
        assert image.pixelColor(0, 0).alpha() == 0


@pytest.mark.skipif(os.name != "posix", reason="a script for Linux")
def test_the_script_installs_and_removes(tmp_path: Path) -> None:
    script = str(LINUX / "install.sh")
    subprocess.run([script, str(tmp_path)], check=True, capture_output=True)
    share = tmp_path / "share"
    for name in (
        "applications/triptych.desktop",
        "mime/packages/triptych.xml",
        f"metainfo/{METAINFO.name}",
        "icons/hicolor/scalable/apps/triptych.svg",
        "icons/hicolor/16x16/apps/triptych.png",
        "icons/hicolor/512x512/apps/triptych.png",
    ):
        assert (share / name).is_file(), name
    subprocess.run([script, "--remove", str(tmp_path)], check=True, capture_output=True)
    left = [file.name for file in share.rglob("*") if file.is_file() and "triptych" in file.name]
    assert left == []
