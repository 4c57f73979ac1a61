"""Entry point: ``m4corpus COMMAND``. Each command's module is imported only when it is used."""

from __future__ import annotations

import signal
import sys
from importlib import import_module

import click

from m4corpus import __version__

#: Command -> (module and attribute, the line shown by ``m4corpus --help``).
COMMANDS = {
    "crawl": ("m4corpus.cli.crawl:command", "Fetch what a recipe asks for; see how it goes, replay it, export it."),
    "run": ("m4corpus.cli.run:run", "Run a recipe: read, clean, identify, filter, dedup, chunk, embed, index."),
    "plan": ("m4corpus.cli.run:plan", "Say what a run would do, and why, without doing it."),
    "status": ("m4corpus.cli.run:status", "Show what a recipe has built and what became of every input."),
    "search": ("m4corpus.cli.search:search", "Search a snapshot in any language."),
    "retrieve": ("m4corpus.cli.search:retrieve", "Retrieve for a file of queries; writes M4-RAG and TREC run files."),
    "evaluate": ("m4corpus.cli.search:evaluate", "Score retrieval against qrels, for each query language."),
    "snapshot": ("m4corpus.cli.snapshot:command", "Versions: create, list, show, tag, diff, verify, gc."),
    "verify": ("m4corpus.cli.verify:verify", "Prove that a snapshot is intact, down to the last byte."),
    "publish": ("m4corpus.cli.publish:publish", "Publish a snapshot as a data set of the Hugging Face Hub."),
    "pull": ("m4corpus.cli.pull:pull", "Bring a published snapshot here: from the Hub, a directory, S3..."),
    "rehydrate": ("m4corpus.cli.rehydrate:rehydrate", "Bring back the texts of a release that was published as ids."),
    "identify": ("m4corpus.cli.identify:command", "Tell varieties apart: train a classifier, ask about a text."),
    "embed": ("m4corpus.cli.embed:command", "Encoders: the ones known by name, and how one does on a corpus."),
    "filters": ("m4corpus.cli.filters:command", "Why a document is dropped; the limits learnt for each language."),
    "languages": ("m4corpus.cli.languages:command", "The 42 languages and 56 varieties, and every code they go by."),
    "resources": ("m4corpus.cli.resources:command", "Check or fetch the model files the package carries."),
    "recipe": ("m4corpus.cli.recipe:command", "Check a recipe; describe every key a recipe may have."),
}

EPILOG = """\b
Start here:
  m4corpus run recipes/quickstart.yaml --workers 2
  m4corpus search quickstart "how is flatbread baked" --lang ja

\b
Exit codes: 0 done; 1 an internal error; 2 a wrong request (recipe, path, option);
3 the work directory is in use; 4 stored data is damaged; 5 --strict and inputs
were quarantined, or rehydrate and documents are missing; 6 the machine refused
(disk, rights, memory); 130 interrupted.
"""


class LazyGroup(click.Group):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="m4corpus")
def cli() -> None:
    """Build multilingual retrieval corpora and their indexes, reproducibly.

    A recipe names sources and settings; each stage leaves an immutable artifact behind, so running a recipe again
    repeats nothing, and a killed run resumes where it stopped.
    """


def main() -> None:
    """Run the command line and exit with a documented code."""
    from m4corpus.errors import M4CorpusError

    # Asked to end, by a job scheduler say, it ends as at the keyboard.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = cli.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted; run the same command to resume", err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = 2
    except M4CorpusError as error:
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    except SystemExit as end:
        # click and rich end with 1 when the reader of our output has gone, as in `m4corpus languages | head`.
        code = 0 if end.code == 1 else end.code
    except OSError as error:
        from m4corpus.storage.atomic import machine_refused

        failure = machine_refused(error)
        if failure is None:
            raise
        click.echo(f"error: {failure}", err=True)
        code = failure.exit_code
    sys.exit(code if isinstance(code, int) else 0)
