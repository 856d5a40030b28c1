"""The claims of the papers as hypotheses: from measured evidence to verdicts that may refute."""

from tlfourier.scorecard.catalogue import CLAIMS, STATEMENTS, Claim
from tlfourier.scorecard.evidence import Evidence, Missing
from tlfourier.scorecard.judge import Cell, scorecard
from tlfourier.scorecard.statistics import ALPHA, holm

__all__ = ["ALPHA", "CLAIMS", "STATEMENTS", "Cell", "Claim", "Evidence", "Missing", "holm", "scorecard"]
