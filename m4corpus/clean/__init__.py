"""Clean: the readable text of a page, as blocks with exact offsets, and none of the furniture around it.

Read in this order: ``detect`` picks the cleaner; ``mediawiki``, ``generic``, ``plain`` and ``article`` are four
cleaners, ``wikitext`` the fifth (with ``wikiprepare``, ``wikilines``, ``wikilinks`` and ``wikitemplates``);
``layout`` and ``paragraphs`` first give pages laid out by tables the structure of others; ``container`` finds the
main text of pages that do not mark it; ``asides`` and ``gaps`` mend what a guesser makes of the others; ``flow``
turns markup into the blocks of ``blocks``; ``parse`` and ``unicode`` refuse what cannot be trusted, ``mojibake`` and
``invisible`` mend characters; ``images`` finds the images of an article; ``guard`` bounds time and memory; ``step``
puts it into a pipeline.
"""
