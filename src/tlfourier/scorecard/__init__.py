"""The claims of the papers as hypotheses: from measured evidence to verdicts that may refute."""

from tlfourier.scorecard.catalogue import CLAIMS
from tlfourier.scorecard.claim import Claim
from tlfourier.scorecard.evidence import Evidence, Missing
from tlfourier.scorecard.judge import ALPHA, holm, scorecard

__all__ = ["ALPHA", "CLAIMS", "Claim", "Evidence", "Missing", "holm", "scorecard"]
