"""Which nodes to make: what the book reads, what is judged, or a grid of cases, layer sets and samples."""

from collections.abc import Iterable, Sequence

from tlfourier.closure.models import Model, layer_sets
from tlfourier.store.node import Node
from tlfourier.study import ablations, online
from tlfourier.study.design import PERCENTS, Design, Models
from tlfourier.study.settings import REVERSED
from tlfourier.study.stages.data import diagnose_node, pairs_node, scales_node

JUDGED = ("own", "dimensional")
"""Scalings under which the claims are judged: the papers', and that which is a change of units."""
SPLITS = ("test", "validation")
"""Blocks on which models are scored: what is reported, and what chooses among them."""
BASELINES = ("none", "gain", "scratch_few", "scratch_all")
"""What a grid scores beside its sets of layers, "all" being one of these."""


def unique(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes once each, in their order."""
    return list(dict.fromkeys(nodes))


def score_tables(design: Design, case: str, models: Models | None = None) -> list[Node]:
    """Return the tables of models, by default all, on both blocks, and that of the base network at home."""
    both = [node for split in SPLITS for node in design.table_nodes(case, models, split)]
    return [*design.home_nodes(case), *both]


def learning_curve(design: Design, case: str) -> list[Node]:
    """Return the tables of a learning curve."""
    parts = [design.with_percent(percent) for percent in PERCENTS]
    return [node for part in parts for node in score_tables(part, case, design.learning_models(case))]


def inside(design: Design, case: str) -> list[Node]:
    """Return what looks into the networks of a case: kernels, their change, activations, masks."""
    nodes = []
    for seed in design.inside_seeds(case):
        for model in ("none", "scratch_all"):
            nodes += [design.census_node(case, model, seed), design.activations_node(case, model, seed)]
        nodes += [design.importance_node(case, seed)]
        nodes += [design.activations_node(case, "none", seed, on="base")]
        for layer in design.layers:
            nodes += [design.change_node(case, layer, seed)]
            nodes += [] if case.endswith(REVERSED) else [design.put_back_node(case, layer, seed)]
        for layer in design.probed_layers:
            nodes += [design.census_node(case, [layer], seed), design.change_node(case, layer, seed, True)]
            nodes += [design.activations_node(case, [layer], seed), design.mask_node(case, layer, seed)]
    return nodes


def judged(design: Design) -> list[Node]:
    """Return everything that the scorecard rests on."""
    nodes = []
    for scaling in JUDGED:
        varied = design.vary({"transfer.scaling": scaling})
        nodes += [node for case in design.ladders for node in score_tables(varied, case)]
    for case in design.ways:
        nodes += inside(design, case)
    for case in (one for one in design.forward if one in design.spec.anisotropic):
        seeds = design.inside_seeds(case)
        nodes += [
            design.census_node(case, model, seed) for model in ("none", "scratch_all") for seed in seeds
        ]
    for case in design.learning_cases:
        nodes += learning_curve(design, case)
    return unique(nodes)


def everything(design: Design) -> list[Node]:
    """Return every node of the whole study, the ablations left out."""
    nodes = []
    for realisation in range(design.spec.realisations):
        nodes += flows(design, realisation)
    return unique(nodes + judged(design))


def flows(design: Design, realisation: int = 0) -> list[Node]:
    """Return what the pages show of the flows of one realisation."""
    spec = design.spec.of_seed(realisation)
    nodes = [scales_node(spec, flow) for flow in design.seen]
    for flow in design.flows:
        nodes += [diagnose_node(spec, flow), *([pairs_node(spec, flow, "test")] if spec.shows_pairs else [])]
    return nodes


def book(design: Design) -> list[Node]:
    """Return every node that the pages of the book read."""
    spec, nodes = design.spec, []
    for case in design.cases:
        target = design.case(case).target  # what the widget needs to re-train a set that nobody has tried
        nodes += [pairs_node(spec, target, "train", spec.transfer.samples)]
        nodes += [pairs_node(spec, target, "validation")]
        nodes += scores(design, [case], layer_sets(["singles", "all"], spec.network.layers))
        shown = ["none", "gains", "all", "scratch_all", *map(str, design.layers)]  # networks that pages open
        nodes += [design.network_node(case, model) for model in shown]
        nodes += [design.null_node(case, [layer]) for layer in design.probed_layers]
    return unique(nodes + flows(design) + judged(design) + ablations.nodes(design) + online.nodes(design))


def scores(design: Design, cases: Iterable[str], sets: Iterable[Model]) -> list[Node]:
    """Return the scores of all seeds, on test and validation, of every baseline and every set of layers."""
    models: list[Model] = [*BASELINES, *sets]
    nodes = []
    for case in cases:
        for seed in design.seeds_of(case):
            nodes.append(design.score_node(case, "none", seed, on="base"))
            for split in SPLITS:
                nodes += [design.score_node(case, model, seed, split=split) for model in models]
    return unique(nodes)


def grid(
    design: Design, cases: Sequence[str] = (), layers: Sequence[str] = (), samples: Sequence[int] = ()
) -> list[Node]:
    """Return the scores of a sweep: cases × sets of layers × numbers of target samples × all seeds.

    By default all cases, the sets ``singles`` and ``all`` (see `tlfourier.closure.models.layer_sets`), and
    the study's own number of target samples. ValueError for an unknown case, a set of layers that the network
    does not have, or an impossible number of samples.
    """
    chosen = [name for name in cases or design.cases if design.case(name)]
    sets = layer_sets(layers or ("singles", "all"), design.spec.network.layers)
    counts = samples or (design.spec.transfer.samples,)
    varied = [design.vary({"transfer.samples": count}) for count in counts]
    return unique(node for one in varied for node in scores(one, chosen, sets))


def chosen(
    design: Design, cases: Sequence[str], layers: Sequence[str], samples: Sequence[int], whole: bool
) -> list[Node] | None:
    """Return what a sweep is asked for: the whole study, a grid of it, or None for what the book reads.

    ValueError for the whole study and a part of it at once, or as `grid`.
    """
    part = bool(cases or layers or samples)
    if whole and part:
        raise ValueError("--programme is every case, set of layers and number of samples: give it alone")
    if whole:
        return everything(design)
    return grid(design, cases, layers, samples) if part else None
