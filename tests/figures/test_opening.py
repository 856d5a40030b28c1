"""The picture that opens the book: the right fields, the right layers in colour, every error in its row."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch

from tlfourier.figures.opening import opening
from tlfourier.figures.style import role_colour

FIELDS = {"decay": np.eye(8), "forcing": 5 * np.eye(8)}
ERRORS = {"decay": {"none": 0.8, "dimensional": 0.4}, "forcing": {"none": 0.9, "layer": 0.3}}


def test_fields_are_seen_in_their_own_units_and_the_target_comes_last() -> None:
    figure = opening(FIELDS, -np.eye(8), 11, [2], ERRORS)
    pictures = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in pictures] == ["decay", "forcing", "target"]
    decay, forcing, target = (np.asarray(ax.images[0].get_array()) for ax in pictures)
    np.testing.assert_allclose(decay, forcing)
    np.testing.assert_allclose(target, -decay)


def test_the_chosen_layers_alone_have_the_colour_of_what_is_transferred() -> None:
    figure = opening(FIELDS, np.eye(8), 11, [2, 5], ERRORS)
    slabs = [patch for ax in figure.axes for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    colours = [to_hex(slab.get_facecolor()).upper() for slab in slabs]
    assert [number for number, one in enumerate(colours, 1) if one == role_colour("transferred")] == [2, 5]
    assert len(colours) == 11


def test_every_error_stands_in_the_row_of_its_rung() -> None:
    figure = opening(FIELDS, np.eye(8), 11, [2], ERRORS)
    rows = figure.axes[-1]
    assert [label.get_text() for label in rows.get_yticklabels()] == [
        "as it is",
        "consistent units",
        "one layer",
    ]
    marked = {str(line.get_label()): line.get_xydata() for line in rows.lines}
    np.testing.assert_allclose(np.asarray(marked["decay"]), [[0.8, 0], [0.4, 1]])
    np.testing.assert_allclose(np.asarray(marked["forcing"]), [[0.9, 0], [0.3, 2]])


def test_a_field_without_motion_is_white() -> None:
    figure = opening({"decay": np.zeros((8, 8))}, np.eye(8), 3, [1], {"decay": {"none": 1.0}})
    assert not np.asarray(figure.axes[0].images[0].get_array()).any()


@pytest.mark.parametrize(
    ("chosen", "errors", "words"),
    [
        ([12], ERRORS, "layer 12: the network has layers 1 to 11"),
        ([2], {"decay": {}}, "bases of decay, forcing and errors of decay"),
        ([2], ERRORS | {"decay": {"magic": 0.1}}, "rung 'magic'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    chosen: list[int], errors: dict[str, dict[str, float]], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        opening(FIELDS, np.eye(8), 11, chosen, errors)
