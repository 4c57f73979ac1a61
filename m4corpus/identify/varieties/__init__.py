"""Which variety of its language a text is in, and the honest answer that this cannot be told.

``judge(text, language, script, ...)`` weighs what the source says and what the text shows into a
:class:`VarietyDecision`; :class:`VarietyJudge` does the same with a user's trained classifiers.
"""

from m4corpus.identify.varieties.config import VarietiesConfig, VarietyModelConfig
from m4corpus.identify.varieties.decision import VarietyDecision
from m4corpus.identify.varieties.judge import VarietyJudge, judge

__all__ = ["VarietiesConfig", "VarietyDecision", "VarietyJudge", "VarietyModelConfig", "judge"]
