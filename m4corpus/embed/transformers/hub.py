"""Whether a pinned model can be had from the Hub or from its cache on this machine, found out before it is loaded."""

from __future__ import annotations

import fnmatch
from contextlib import suppress
from pathlib import Path

from m4corpus.errors import UserError

#: Seconds the Hub has for its answer.
TIMEOUT = 10.0
#: The file every sentence-transformers model is read from first. The cache knows it when the model was loaded before,
#: but not when another library fetched parts of it; without it the library would guess how tokens are pooled.
_FIRST = "modules.json"


def is_cached(name: str, revision: str) -> bool:
    """Whether this machine has loaded the model before; files may be missing all the same."""
    from huggingface_hub import try_to_load_from_cache

    return try_to_load_from_cache(name, _FIRST, revision=revision) is not None


def fetched(name: str, revision: str, path: str, beside: str) -> Path | None:
    """A file of a pinned model, fetched unless this machine has it; None where the revision has no such file.

    Files that match the pattern ``beside`` come first, so where the file is, they are.

    Raises:
        UserError: as :func:`check_reachable`, where it is not on this machine.
    """
    from huggingface_hub import hf_hub_download, snapshot_download

    with suppress(Exception):  # nothing of the revision is here
        found = Path(snapshot_download(name, revision=revision, local_files_only=True)) / path
        if found.is_file():
            return found
    check_reachable(name, revision)
    there = files(name, revision)
    if path not in there:
        return None
    for one in (*fnmatch.filter(there, beside), path):
        found = Path(hf_hub_download(name, one, revision=revision))
    return found


def files(name: str, revision: str) -> list[str]:
    """Paths of all files of a pinned model; none where the Hub does not answer."""
    from huggingface_hub import HfApi

    with suppress(Exception):
        return sorted(HfApi().list_repo_files(name, revision=revision))
    return []


def check_reachable(name: str, revision: str) -> None:
    """Raise :class:`UserError` unless the Hub has the model at that revision.

    Asked once and with a time limit, because loading asks again for every file and waits ever longer for each.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        HfApi().model_info(name, revision=revision, timeout=TIMEOUT)
    except RevisionNotFoundError:
        raise UserError(
            f"the model '{name}' has no revision {revision}", "Take the commit hash from the model's Hub page."
        ) from None
    except RepositoryNotFoundError:
        raise UserError(
            f"there is no model '{name}' on the Hub, or it needs an account",
            "Check the name; log in with: hf auth login",
        ) from None
    # Which HTTP library the Hub's client stands on, and so which errors it raises, changes with its version.
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"the model '{name}' is not on this machine, and the Hub cannot be reached: {reason}",
            "Connect to the network, download the model elsewhere and give its directory as 'name', "
            "or use 'm4-multilingual', which needs neither.",
        ) from None
