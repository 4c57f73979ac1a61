"""Means and principal components of vectors that are seen once, batch after batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from m4corpus.embed.postprocess.learnt import Learnt
from m4corpus.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]

#: What is taken from a vector first: nothing, the mean of all, or the mean of its language.
Centre = Literal["none", "all", "language"]
#: Directions in which vectors hardly differ hold noise, which whitening must not blow up: this share of the largest
#: variance is added to every one.
_RIDGE = 1e-3


class Moments:
    """Sums over vectors, from which means and principal components follow; float64, one vector after the other."""

    def __init__(self, dimension: int) -> None:
        import numpy as np

        self.counts: dict[str, int] = {}
        self._sums: dict[str, Doubles] = {}
        self._products: Doubles = np.zeros((dimension, dimension))

    def add(self, vectors: Floats, languages: list[str]) -> None:
        """Count the vectors ``(n, d)`` of passages, whose languages are ISO 639-3 codes, or empty where unknown."""
        import numpy as np

        wide = vectors.astype(np.float64)
        self._products += wide.T @ wide
        labels = np.array(languages)
        for language in sorted(set(languages)):
            rows = wide[labels == language]
            self.counts[language] = self.counts.get(language, 0) + len(rows)
            self._sums[language] = self._sums.get(language, 0.0) + rows.sum(axis=0)

    def learn(
        self, fingerprint: str, *, centre: Centre = "none", components: int | None = None, whiten: bool = False,
        least: int = 100,
    ) -> Learnt:  # fmt: skip
        """What follows from all vectors seen.

        ``centre``: ``none``, ``all`` (one mean) or ``language`` (a mean for each language with ``least`` vectors, the
        mean of all for the others). ``components``: so many principal components of the centred vectors, the largest
        first; ``whiten`` divides them by their standard deviation.

        Raises:
            UserError: there are fewer vectors or dimensions than components.
        """
        import numpy as np

        total = sum(self.counts.values())
        dimension = len(self._products)
        if total < 2 or (components is not None and components > min(total - 1, dimension)):
            raise UserError(
                f"{total} vectors of {dimension} dimensions do not give {components or 1} components",
                "Ask for fewer with --pca, or learn from a larger corpus.",
            )
        by_language = centre == "language"
        own = {c for c, n in self.counts.items() if by_language and c not in ("", "und") and n >= least}
        mean = sum((self._sums[c] for c in sorted(self._sums)), np.zeros(dimension)) / total
        # Projected axes always start at a mean; only what is left as it is may keep its own origin.
        if centre == "none" and components is None and not whiten:
            mean = np.zeros(dimension)
        means = {c: self._sums[c] / self.counts[c] for c in sorted(own)}
        about = {"vectors": total, "centre": centre, "whiten": whiten, "counts": {c: self.counts[c] for c in means}}
        axes = None
        if components is not None or whiten:
            axes = self._axes(mean, means, components or dimension, whiten)
        return Learnt(
            fingerprint, mean.astype(np.float32), {c: m.astype(np.float32) for c, m in means.items()}, axes, about
        )

    def _axes(self, mean: Doubles, means: Mapping[str, Doubles], components: int, whiten: bool) -> Floats:
        """Eigenvectors of the covariance after centring, largest first, each with its largest entry positive."""
        import numpy as np

        total = sum(self.counts.values())
        scatter = self._products.copy()
        for language, count in self.counts.items():
            m, s = means.get(language, mean), self._sums[language]
            scatter += count * np.outer(m, m) - np.outer(m, s) - np.outer(s, m)
        values, vectors = np.linalg.eigh(scatter / total)
        order = np.argsort(-values, kind="stable")[:components]
        values, axes = np.maximum(values[order], 0.0), vectors[:, order].T
        largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
        axes = axes * np.where(largest < 0, -1.0, 1.0)
        if whiten:
            axes = axes / np.sqrt(values + _RIDGE * values[0])[:, None]
        return axes.astype(np.float32)
