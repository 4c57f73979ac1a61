"""Which variety of its language a text is in, and the honest answer that this cannot be told.

:class:`~m4corpus.identify.varieties.judge.VarietyJudge` weighs what the source says, what the text shows and what
classifiers of a user's own make of it into a :class:`~m4corpus.identify.varieties.decision.VarietyDecision`.
"""
