"""fit.conf and the library that reads it: the wrong number of columns is told before anything is started."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.site_fixture import KIT, Site
from tests.waiting import HANGS_AFTER

COLUMNS = {
    "4.0": "0 2 0 0 129 65530",
    "6.0": '0 2 0 0 129 65530 "none"',
    "6.4": '0 2 0 130 0 129 65530 "none" "none"',
}  # as of this version of DDASToys


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def check(site: Site) -> subprocess.CompletedProcess[str]:
    """As the installer does by hand."""
    command = ["bash", str(site.kit / "check_fit_conf.sh")]
    return subprocess.run(command, env=site.environment, capture_output=True, text=True, timeout=HANGS_AFTER)


@pytest.mark.parametrize(
    ("version", "reads"),
    [("4.0-001", "4.0"), ("5.1", "4.0"), ("6.0", "6.0"), ("6.3-001", "6.0"), ("6.4-000", "6.4"), ("6.10", "6.4")],
)
@pytest.mark.parametrize("has", COLUMNS)
def test_columns_are_those_of_the_version_of_the_library(site: Site, version: str, reads: str, has: str) -> None:
    (site.kit / "fit.conf").write_text(f"# channels\n\n  # more\n{COLUMNS[has]}   # a dynode\n")
    (site.kit / "site.conf").write_text(f"FIT_VERSION={version}\n")
    done = check(site)
    assert done.returncode == int(has != reads), done.stderr
    assert f"  DDASToys {version} (by site.conf)  Columns {len(COLUMNS[reads].split())}  FitConfig /" in done.stdout
    if has != reads:
        found, expected = len(COLUMNS[has].split()), len(COLUMNS[reads].split())
        assert f"fit.conf line 4: {found} columns, but DDASToys {version} reads {expected}: crate slot" in done.stderr


@pytest.mark.parametrize(
    ("library", "version"),
    [
        ("/usr/opt/ddastoys/6.3-001/lib/libFitEditorAnalytic.so", "6.3 (by the path of the library)"),
        ("/opt/DDASToys-4.0-001/lib/libFitEditorAnalytic.so", "4.0 (by the path of the library)"),
        ("/usr/opt/daq/12.0-013/lib/libFitEditorAnalytic.so", "6.4 (assumed)"),
        ("libFitEditorAnalytic.so", "6.4 (assumed)"),
    ],
)
def test_a_version_that_site_conf_does_not_give_is_found_in_the_path(site: Site, library: str, version: str) -> None:
    (site.kit / "site.conf").write_text(f"FIT_LIBRARY={library}\n")
    assert f"Library {library}  DDASToys {version}  Columns " in check(site).stdout


def test_a_link_to_the_library_is_followed(site: Site, tmp_path: Path) -> None:
    library = tmp_path / "ddastoys" / "6.2-000" / "lib.so"
    library.parent.mkdir(parents=True)
    library.touch()
    (tmp_path / "current.so").symlink_to(library)
    (site.kit / "site.conf").write_text(f"FIT_LIBRARY={tmp_path}/current.so\n")
    assert "DDASToys 6.2 (by the path of the library)  Columns 7" in check(site).stdout


def test_the_fit_is_not_started_with_the_wrong_columns(site: Site) -> None:
    site.add_raw(7, 3)
    (site.kit / "fit.conf").write_text(f'{COLUMNS["6.4"]}\n0 2 1 0 129 65530 "my model.pt"\n')
    site.fake("EventEditor", f"touch {site.fakes}/started\n")
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, "failed.fitconf")
    assert reply["parameters"] == {"file": "fit.conf", "line": 2, "columns": 7, "expected": 9}
    assert reply["cause"] == "fit.conf line 2 has 7 columns, and the library reads 9"
    assert not (site.fakes / "started").exists()


def test_library_and_version_stand_at_the_head_of_the_log(site: Site) -> None:
    site.add_raw(7, 3)
    (site.kit / "site.conf").write_text("FIT_LIBRARY=/opt/lib.so\nFIT_VERSION=6.4-000\n")
    assert site.run("fit", 7, 3)["rc"] == 0
    head = site.log(7, "fit-03.log").splitlines()[:4]
    assert f"Library /opt/lib.so  DDASToys 6.4-000 (by site.conf)  Columns 9  FitConfig {site.kit}/fit.conf" in head


@pytest.mark.parametrize("conf", ["FIT_CONFIGFILE=nowhere.conf\n", "FIT_VERSION=newest\n"])
def test_settings_that_name_nothing_are_told(site: Site, conf: str) -> None:
    site.add_raw(7, 3)
    (site.kit / "site.conf").write_text(conf)
    reply = site.run("fit", 7, 3)
    assert (reply["rc"], reply["code"]) == (1, "failed.fitconf")


def test_the_kit_has_an_example_for_each_form(site: Site) -> None:
    for name, version in (("fit-4.0.conf.example", "4.0"), ("fit-6.0.conf.example", "6.3"), ("fit.conf", "6.4")):
        (site.kit / "site.conf").write_text(f"FIT_VERSION={version}\nFIT_CONFIGFILE={name}\n")
        (site.kit / name).write_bytes((KIT / name).read_bytes())
        assert check(site).returncode == 0
