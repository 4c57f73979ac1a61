from typing import Any

from numpy.typing import NDArray

VERSION: int

def supported() -> bool: ...
def sums(*arguments: NDArray[Any] | float) -> None:
    """Codes and ranges of embeddings, the terms and the packed weights of the three orders, scale, bias and shift of
    all outputs, slots of the tokens and lengths of the texts, the highest activation, epsilon; and what is written, a
    row for each text."""
