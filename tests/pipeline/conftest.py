"""A small real corpus, and a finished run of it."""

from __future__ import annotations

import pytest
from projects import Built, FolderProject, copy_pages


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> FolderProject:
    """A project over a few languages of the quickstart corpus. Tests must not change its pages."""
    made = FolderProject(tmp_path_factory.mktemp("project"))
    copy_pages(made.pages)
    made.write_recipe()
    return made


@pytest.fixture(scope="session")
def built(project: FolderProject, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The project, built once with two workers."""
    workdir = tmp_path_factory.mktemp("built") / "work"
    return Built(project, workdir, project.run(workdir, "--workers", "2"))
