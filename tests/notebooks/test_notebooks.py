"""Committed notebooks are whole, and a stale output would be found."""

import copy
import re

import nbformat
import pytest

from notebooks import execute

NOTEBOOKS = execute.find_notebooks([])


def read(path):
    return nbformat.reads(path.read_text("utf-8"), as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert [path.name for path in NOTEBOOKS][:1] == ["01_quick_start.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_was_executed_in_order_and_says_nothing_of_its_machine(path):
    notebook = read(path)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert execute.complaints(notebook) == []
    for cell in cells:
        assert "error" not in {output.output_type for output in cell.outputs}
        for kind, text in execute.texts(cell):
            assert not re.search(r"(?<!\w)/(home|root|tmp|work|Users)/|0x[0-9a-f]{6,}", text), kind
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)
    assert notebook.cells[0].source.startswith("# ")


@pytest.fixture
def notebook():
    table = nbformat.v4.new_output("execute_result", {"text/plain": "a  1.25\nb  30,741"})
    said = nbformat.v4.new_output("stream", name="stdout", text="69,659 rows\n")
    figure = nbformat.v4.new_output("display_data", {"image/png": "AAAA"})
    cell = nbformat.v4.new_code_cell("x", execution_count=1, outputs=[table, said, figure])
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T"), cell])


def test_the_same_outputs_pass(notebook):
    fresh = copy.deepcopy(notebook)
    fresh.cells[1].outputs[2].data["image/png"] = "BBBB"
    fresh.cells[1].outputs[0].data["text/plain"] = "a   1.26\nb   30,742"
    assert execute.differences(notebook, fresh) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: cell.outputs[0].data.update({"text/plain": "a  1.27\nb  30,741"}),
        lambda cell: cell.outputs[0].data.update({"text/plain": "a  1.25\nb  30,791"}),
        lambda cell: cell.outputs[0].data.update({"text/plain": "c  1.25\nb  30,741"}),
        lambda cell: cell.outputs[1].update({"text": "69,659 lines\n"}),
        lambda cell: cell.outputs.pop(2),
        lambda cell: cell.outputs.clear(),
        lambda cell: cell.update({"execution_count": 7}),
    ],
)
def test_a_stale_output_is_found(notebook, change):
    committed = copy.deepcopy(notebook)
    change(committed.cells[1])
    assert execute.differences(committed, notebook)


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ("23,570 customers", "23,570  customers", True),
        ("946", "947", False),
        ("0.05", "0.07", False),
        ("1e-05", "2e-05", False),
        ("793,080 USD", "793,081 USD", True),
        ("793,080 USD", "793,080 EUR", False),
    ],
)
def test_numbers_may_differ_in_their_rounding_only(was, now, same):
    assert execute.same_text(was, now) is same


def test_a_warning_is_a_complaint(notebook):
    notebook.cells[1].outputs.append(
        nbformat.v4.new_output("stream", name="stderr", text="UserWarning: careful")
    )
    assert "careful" in execute.complaints(notebook)[0]


@pytest.mark.slow
def test_a_notebook_runs_from_a_clean_state_and_a_failing_one_is_reported(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(execute, "HERE", tmp_path)
    cells = [nbformat.v4.new_code_cell("x = 1\nprint(x + 1)", execution_count=9)]
    path = tmp_path / "one.ipynb"
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)), "utf-8")
    assert execute.main(["--check"]) == 1
    assert execute.main([]) == 0
    assert execute.main(["--check"]) == 0
    (cell,) = read(path).cells
    assert (cell.execution_count, cell.outputs[0].text) == (1, "2\n")
    path.write_text(path.read_text("utf-8").replace("x + 1", "y"), "utf-8")
    before = path.read_bytes()
    assert execute.main([]) == 1
    assert path.read_bytes() == before
    assert "NameError" in capsys.readouterr().out
