# SPDX-License-Identifier: MIT
"""The files of the benchmarks and the plots made of them: of made-up reports, and of what the stub gives."""

import html
import importlib.util
import json
import re
import subprocess
import sys

import drawn
import pytest
import stub_cuda
from support import clean_environment
from triton.backends.graft.bench import documents, kernels_report, key, launch, outputs, report, startup
from triton.backends.graft.bench.kernels_report import AGAIN, GRAFT, IN_TREE
from triton.backends.graft.bench.options import KernelsOptions, KeyOptions, LaunchOptions, StartupOptions
from triton.backends.graft.bench.rows import ROWS
from triton.backends.graft.bench.sides import SIDES
from triton.backends.graft.bench.suite.sections import SECTIONS
from triton.backends.graft.errors import GraftError, OptionError

pytest.importorskip("matplotlib")

from triton.backends.graft.bench import drawing, plots

FACTS = {"GPU": "NVIDIA H200", "driver": "580.159.03", "CPU": "Some Processor", "Python": "3.12.3", "triton": "3.9.0"}


def launch_document():
    entries = [launch.Entry(row, SIDES[side], None) for row in ROWS.values() for side in row.sides]
    times = [[3.5 * (1 + 0.4 * place), 3.6 * (1 + 0.4 * place)] for place in range(len(entries))]
    found = report.Report("Host time per launch", FACTS, LaunchOptions(rounds=2), launch.judge(entries, times))
    return report.to_document(found)


def kernel_rows():
    """A row for each kernel of the suite and size; the first is slower, the second as fast, and all others are faster."""
    named = [
        (section.name, entry.name, size) for section in SECTIONS.values() for entry in section.entries for size in entry.sizes
    ]
    for place, (section, kernel, size) in enumerate(named):
        times = {IN_TREE: [2.0, 2.0], AGAIN: [2.0, 2.0], GRAFT: [2.5 - min(place, 3) / 2, 2.5 - min(place, 3) / 2]}
        more = {f"{IN_TREE}, groups of {group}": [1.0, 1.0] for group in (4, 8)} if section == "programs" else {}
        yield kernels_report.Row(section, kernel, size, times | more)


def kernels_document(rows, **options):
    return kernels_report.to_document(kernels_report.Report(FACTS, KernelsOptions(**options), "cuda:90", list(rows)))


def startup_document(build=False):
    processes = {way: [{"process": 0.8 - place / 10, "cuda": 0.2}] * 3 for place, way in enumerate(startup.WAYS)}
    rows = startup._startup_rows(processes)
    rows.append(startup.Row("the bundle", "graft", [360.0], "KiB", 0.07))
    if build:
        rows = [startup.Row("in one process", "triton", [60.0], "s", 1.0), startup.Row("built", "graft", [20.0], "s", 0.33)]
    return startup.to_document(rows, StartupOptions(rounds=3, build=build), FACTS)


def key_document():
    process = {"identity": 0.5, "look_ups": [0.001] * 8, "process": 3.0}
    faster = {"identity": 0.005, "look_ups": [0.0005] * 8, "process": 1.5}
    rows = key._rows({"triton": [process] * 2, "graft": [faster] * 2}, 8) + key._miss_rows(
        {"triton": [0.1, 0.1], "graft": [0.2, 0.2]}
    )
    return key.to_document(rows, KeyOptions(rounds=2))


COMPILED = kernels_report.Row("compile", "rows/softmax", "4095", {IN_TREE: [100.0], GRAFT: [120.0]})
MADE = {
    "launch": launch_document(),
    "kernels": kernels_document(kernel_rows()),
    "programs": kernels_document([row for row in kernel_rows() if row.section == "programs"], only=("programs",)),
    "compile": kernels_document([COMPILED], only=("compile",)),
    "startup": startup_document(),
    "build": startup_document(build=True),
    "key": key_document(),
}
#: As they are read from their files.
DOCUMENTS = {name: json.loads(documents.format_json(made)) for name, made in MADE.items()}


# -- Files


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_benchmark_writes_what_a_figure_has_to_be_read_with(name):
    read = DOCUMENTS[name]
    assert list(read)[:5] == ["schema", "benchmark", "command", "facts", "options"]
    assert read["command"].startswith(f"graft bench {read['benchmark']}")
    assert read["facts"]["triton"]


def test_a_list_of_numbers_is_a_line():
    assert documents.format_json({"rounds": [1.5, -2e-7], "names": ["a [\n 1 ]", "b"]}) == (
        '{\n "rounds": [1.5, -2e-07],\n "names": [\n  "a [\\n 1 ]",\n  "b"\n ]\n}\n'
    )


def test_a_report_is_read_as_it_was_written(tmp_path):
    outputs.write(DOCUMENTS["key"], tmp_path / "key.json", None)
    assert documents.read("REPORT", str(tmp_path / "key.json")) == DOCUMENTS["key"]


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 1, "benchmark": "launch"}', '{"schema": 2}'])
def test_what_is_no_report_is_refused_by_name(content, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(
        OptionError, match=r"^REPORT='.*a\.json': expected a file that a benchmark wrote for --json, of schema 2"
    ):
        documents.read("REPORT", str(path))


def test_a_report_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OptionError, match="No such file"):
        documents.read("REPORT", str(tmp_path / "none.json"))


# -- Options


@pytest.mark.parametrize("benchmark", ["launch", "kernels", "startup", "key"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(benchmark, graft):
    for option in ("--json", "--plot"):
        done = graft("bench", benchmark, option, "nowhere/a.svg")
        expected = f"Error: {option}='nowhere/a.svg': expected a file in a folder that exists\n"
        assert (done.exit_code, done.output) == (2, expected)


@pytest.mark.parametrize("module", ["launch", "kernels", "startup", "key"])
def test_a_plot_without_matplotlib_is_refused_before_anything_is_measured(module, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    benchmark = importlib.import_module(f"triton.backends.graft.bench.{module}")
    assert benchmark.main(["--plot", "a.png"]) == 1
    assert capsys.readouterr().err == "Error: --plot a.png: this needs matplotlib: pip install 'triton-graft[bench]'\n"


def test_the_kernels_can_be_chosen_without_click_too(capsys):
    from triton.backends.graft.bench import kernels

    assert kernels.main(["--only", "nope", "--only", "rows"]) == 2
    assert capsys.readouterr().err.startswith("Error: --only='nope': expected one of elementwise, rows, ")
    assert kernels.main(["--list"]) == 0
    assert "rows/softmax" in capsys.readouterr().out


def test_commands_have_flags_and_what_is_given_several_times():
    assert KernelsOptions(only=("rows", "wild/transpose")).command("kernels") == (
        "graft bench kernels --only rows --only wild/transpose"
    )
    assert StartupOptions(build=True, rounds=3).command("startup") == "graft bench startup --rounds 3 --build"


def test_what_only_prints_writes_no_file(tmp_path):
    with pytest.raises(OptionError, match=r"^--json='.*': expected not to be given with --entries, which only prints$"):
        KeyOptions.from_texts({"entries": "4", "json": str(tmp_path / "a.json")})


# -- Plots


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_text_of_a_plot_can_be_read(name, dark):
    assert drawn.faults(plots.draw(DOCUMENTS[name], dark)) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_plot_says_what_it_has_to_be_read_with(name):
    texts = " ".join(drawn.texts(plots.draw(DOCUMENTS[name])))
    assert DOCUMENTS[name]["command"] in texts
    if name != "key":  # that names the machine on which the test runs
        assert "NVIDIA H200 · driver 580.159.03 · Some Processor · Python 3.12.3 · triton 3.9.0" in texts


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_plot_has_the_same_bytes_each_time_and_its_texts_are_text(name):
    sheet = plots.draw(DOCUMENTS[name])
    svg = sheet.save(".svg")
    assert svg == plots.draw(DOCUMENTS[name]).save(".svg")
    assert b"<dc:date>" not in svg
    written = re.findall(r"<text [^>]*>(.*?)</text>", svg.decode(), re.S)
    assert sorted(html.unescape(text).replace("\u00a0", " ") for text in written) == sorted(filter(None, drawn.texts(sheet)))


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_plot_is_an_image_of_the_kind_asked_for(suffix, start):
    assert plots.draw(DOCUMENTS["key"]).save(suffix).startswith(start)


def test_a_bar_is_as_long_as_its_ratio_says():
    sheet = plots.draw_bars(
        [plots.Panel("few", [plots.Bar("ours", 2.0, "2.00", "ours"), plots.Bar("theirs", 4.0, "4.00", "theirs")])],
        plots.Around("A title", "How it is read.", []),
        "C loop",
    )
    bars = [patch for patch in sheet.figure.axes[0].patches if patch.get_height() == 13]
    ours, theirs = (bar.get_width() for bar in bars)
    line = next(line.get_xdata()[0] for line in sheet.figure.axes[0].lines)
    assert theirs == pytest.approx(2 * ours)
    assert line - bars[0].get_x() == pytest.approx(ours / 2)


def test_kernels_are_sorted_and_slower_ones_have_a_colour_of_their_own():
    rows = [
        kernels_report.Row("wild", name, "7", {IN_TREE: [1.0], GRAFT: [1 / speed], AGAIN: [1.0]})
        for name, speed in (("as fast", 1.005), ("slower", 0.8), ("faster", 2.0))
    ]
    sheet = plots.draw(kernels_document(rows))
    labels = [text for text in drawn.texts(sheet) if text in ("as fast", "slower", "faster")]
    dots = [patch for patch in sheet.figure.axes[0].patches if hasattr(patch, "get_radius")]
    assert labels == ["faster", "as fast", "slower"]
    assert sorted(dots, key=lambda dot: dot.center[1]) == dots and dots[0].center[0] > dots[1].center[0] > dots[2].center[0]
    colours = [drawing.matplotlib.colors.to_hex(dot.get_facecolor()) for dot in dots]
    assert colours == [drawing.LIGHT.ours, drawing.LIGHT.others, drawing.LIGHT.worse]


def test_a_plot_names_what_could_not_be_measured():
    rows = [*kernel_rows(), kernels_report.Row("wild", "broken", "7", {}, {GRAFT: "RuntimeError: no"})]
    assert "not measured: broken, 7" in drawn.texts(plots.draw(kernels_document(rows)))


def test_what_noise_does_to_a_ratio_is_drawn_as_wide_as_it_was_measured():
    assert plots._band([]) == (1 / 1.01, 1.01)
    low, high = plots._band([0.9, 1.0, 1.0, 1.2])
    assert 0.9 < low < 1 / 1.01 and 1.01 < high < 1.2


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (DOCUMENTS["launch"] | {"results": DOCUMENTS["launch"]["results"][:1]}, "there is no ratio to the C loop to draw"),
        (kernels_document([]), "there is nothing in this report to draw"),
        (kernels_document([kernels_report.Row("wild", "broken", "7")]), "there is nothing in this report to draw"),
        (DOCUMENTS["key"] | {"rows": []}, "there is nothing in this report to draw"),
    ],
)
def test_a_report_with_nothing_to_draw_is_an_error(document, message):
    with pytest.raises(GraftError) as error:
        plots.draw(document)
    assert str(error.value) == message


def test_a_report_measured_earlier_is_drawn(graft, tmp_path):
    (tmp_path / "a.json").write_text(documents.format_json(DOCUMENTS["key"]))
    for options, dark in (((), False), (("--dark",), True)):
        done = graft("bench", "plot", *options, tmp_path / "a.json", tmp_path / "a.svg")
        assert (done.exit_code, done.output) == (0, "")
        assert (tmp_path / "a.svg").read_bytes() == plots.draw(DOCUMENTS["key"], dark).save(".svg")


def test_a_picture_of_an_unknown_kind_is_refused(graft, tmp_path):
    done = graft("bench", "plot", tmp_path / "a.json", "a.bmp")
    assert (done.exit_code, done.output) == (2, "Error: PICTURE='a.bmp': expected a file that ends in .png, .svg, .pdf\n")


# -- Runs


def run_in_a_process(tmp_path, module, *arguments):
    """What a benchmark writes as JSON and how its plot begins."""
    files = ["--json", str(tmp_path / "a.json"), "--plot", str(tmp_path / "a.svg")]
    command = [sys.executable, "-m", f"triton.backends.graft.bench.{module}", *arguments, *files]
    done = subprocess.run(command, env=clean_environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    return documents.read("REPORT", str(tmp_path / "a.json"))


@pytest.mark.slow
def test_bench_key_writes_and_draws_every_rounds_times(tmp_path):
    read = run_in_a_process(tmp_path, "key", "--rounds", "2", "--kernels", "2")
    assert read["command"] == "graft bench key --rounds 2 --kernels 2"
    assert {len(row["times"][side]) for row in read["rows"][:-2] for side in key.SIDES} == {2}


@pytest.mark.slow
def test_bench_startup_writes_and_draws_every_rounds_times(tmp_path):
    try:
        stub = stub_cuda.build()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    read = run_in_a_process(tmp_path, "startup", "--rounds", "2", "--kernels", "2", "--stub", str(stub))
    assert read["facts"]["GPU"] == "none, a stub of libcuda"
    assert [len(row["rounds"]) for row in read["rows"] if row["whose"] != "start"] == [2, 2, 2, 2, 2, 1, 1]
