"""The claims of the papers as hypotheses: from measured evidence to verdicts that may refute."""

from tlfourier.scorecard.evidence import Evidence, Missing
from tlfourier.scorecard.hypothesis import Claim
from tlfourier.scorecard.judge import ALPHA, holm, scorecard
from tlfourier.scorecard.table import CLAIMS

__all__ = ["ALPHA", "CLAIMS", "Claim", "Evidence", "Missing", "holm", "scorecard"]
