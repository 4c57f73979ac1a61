# mypy: ignore-errors
# numba infers types from the arrays; annotations would say nothing of them.
"""The inner loops of training, compiled: one text after the other, hashed features in and gradients out.

A text is the rows ``first`` to ``first + count`` of a sparse matrix of words; a word's features are rows of ``whole``
and ``gram``, of which the mean counts. Steps follow Adagrad with one accumulator a row. Processes share the table and
write into it without waiting for one another, so weights differ in the last digits from run to run.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, fastmath=True, cache=True)
def regress(  # noqa: C901 - calls of functions cost more than the arithmetic
    first, count, texts, whole, gram, table, squares, dropped, targets, marks, lengths, pivot, rate
):
    """One step for each text towards its target; mean squares of the residuals and of the targets.

    The target is the sum of the pivots' ``targets`` less ``marks`` for each seam, over the root of their tokens.
    """
    (pointers, words), (whole_at, whole_ids), (gram_at, gram_ids) = texts, whole, gram
    width = table.shape[1]
    total = np.zeros(width, dtype=np.float32)
    slope = np.zeros(width, dtype=np.float32)
    error, size = 0.0, 0.0
    for example in range(len(first)):
        start, stop = first[example], first[example] + count[example]
        total[:], read = 0, 0
        for row in range(start, stop):
            for place in range(pointers[row], pointers[row + 1]):
                word = words[place]
                read += 1
                if not dropped[word]:
                    for at in range(whole_at[word], whole_at[word + 1]):
                        feature = whole_ids[at]
                        for d in range(width):
                            total[d] += table[feature, d]
                share = np.float32(1 / max(gram_at[word + 1] - gram_at[word], 1))
                for at in range(gram_at[word], gram_at[word + 1]):
                    feature = gram_ids[at]
                    for d in range(width):
                        total[d] += share * table[feature, d]
        if read == 0:
            continue
        tokens = np.float32(-2 * (count[example] - 1))
        slope[:] = -(count[example] - 1) * marks
        for row in range(start, stop):
            tokens += lengths[pivot[row]]
            slope += targets[pivot[row]]
        shrink = np.float32(1 / np.sqrt(read + 2.0))
        slope[:] = slope / np.sqrt(tokens) - marks * shrink
        square = np.float32(0)
        for d in range(width):
            residual = total[d] * shrink - slope[d]
            error += residual * residual
            size += slope[d] * slope[d]
            slope[d] = residual * shrink
            square += slope[d] * slope[d]
        square /= width
        for row in range(start, stop):
            for place in range(pointers[row], pointers[row + 1]):
                word = words[place]
                if not dropped[word]:
                    for at in range(whole_at[word], whole_at[word + 1]):
                        feature = whole_ids[at]
                        squares[feature] += square
                        step = np.float32(rate / np.sqrt(squares[feature] + 1e-10))
                        for d in range(width):
                            table[feature, d] -= step * slope[d]
                share = np.float32(1 / max(gram_at[word + 1] - gram_at[word], 1))
                for at in range(gram_at[word], gram_at[word + 1]):
                    feature = gram_ids[at]
                    squares[feature] += share * share * square
                    step = np.float32(rate * share / np.sqrt(squares[feature] + 1e-10))
                    for d in range(width):
                        table[feature, d] -= step * slope[d]
    return error / (len(first) * width), size / (len(first) * width)


@njit(nogil=True, fastmath=True, cache=True)
def totals(first, count, texts, whole, gram, table, dropped, sums, read):
    """Fill in the sum of each text and the number of words it was made of."""
    (pointers, words), (whole_at, whole_ids), (gram_at, gram_ids) = texts, whole, gram
    width = table.shape[1]
    for example in range(len(first)):
        for row in range(first[example], first[example] + count[example]):
            read[example] += pointers[row + 1] - pointers[row]
            for word in words[pointers[row] : pointers[row + 1]]:
                if not dropped[word]:
                    for at in range(whole_at[word], whole_at[word + 1]):
                        feature = whole_ids[at]
                        for d in range(width):
                            sums[example, d] += table[feature, d]
                share = np.float32(1 / max(gram_at[word + 1] - gram_at[word], 1))
                for at in range(gram_at[word], gram_at[word + 1]):
                    feature = gram_ids[at]
                    for d in range(width):
                        sums[example, d] += share * table[feature, d]


@njit(nogil=True, fastmath=True, cache=True)
def tell_apart(order, texts, whole, gram, evidence, squares, foreign, prior, rate):
    """One logistic step for each text; the mean loss. ``foreign`` is the chance that the teacher cannot read it."""
    (pointers, words), (whole_at, whole_ids), (gram_at, gram_ids) = texts, whole, gram
    loss = 0.0
    for row in order:
        total, read = 0.0, pointers[row + 1] - pointers[row]
        if read == 0:
            continue
        for place in range(pointers[row], pointers[row + 1]):
            word = words[place]
            for at in range(whole_at[word], whole_at[word + 1]):
                total += evidence[whole_ids[at]]
            grams = gram_at[word + 1] - gram_at[word]
            for at in range(gram_at[word], gram_at[word + 1]):
                total += evidence[gram_ids[at]] / grams
        shrink = 1 / np.sqrt(read)
        chance = 1 / (1 + np.exp(-(total * shrink + prior[0])))
        loss -= foreign[row] * np.log(chance + 1e-9) + (1 - foreign[row]) * np.log(1 - chance + 1e-9)
        prior[0] -= rate * 0.01 * (chance - foreign[row])
        slope = (chance - foreign[row]) * shrink
        for place in range(pointers[row], pointers[row + 1]):
            word = words[place]
            for at in range(whole_at[word], whole_at[word + 1]):
                feature = whole_ids[at]
                squares[feature] += slope * slope
                evidence[feature] -= rate * slope / np.sqrt(squares[feature])
            grams = gram_at[word + 1] - gram_at[word]
            for at in range(gram_at[word], gram_at[word + 1]):
                feature, part = gram_ids[at], slope / grams
                squares[feature] += part * part
                evidence[feature] -= rate * part / np.sqrt(squares[feature])
    return loss / len(order)
