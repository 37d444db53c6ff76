# Everything is one command; a machine needs Python 3, make and a network for the first time.
#   make demo        run the demo (Ctrl-C ends it, the data stay)
#   make test        run all tests
#   make help        the rest

PYTHON ?= python3
BIN := .venv/bin
# One more than two cores: the one with the browser mostly waits for it.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test coverage lint lint-quick format texts docs bench bench-stamps lock install install-dev

help:
	@echo "make demo          演示环境 run the demo on http://127.0.0.1:8000/"
	@echo "make demo-reset    重建演示数据 the same, starting over"
	@echo "make test          全部测试 run all tests"
	@echo "make lint          全部检查 run all checks     make lint-quick   under 20 seconds"
	@echo "make format        排版 format the code"
	@echo "make texts         界面文字 collect and compile the texts"
	@echo "make bench         性能 measure               make docs         build the documents"
	@echo "make bench-stamps  印章识别 how well and how fast pressed stamps are recognised"
	@echo "make lock          锁定依赖 pin the dependencies anew"

install:
	@$(PYTHON) tools/install.py run

install-dev:
	@$(PYTHON) tools/install.py dev

demo: install
	@$(BIN)/zhanggui demo $(ARGS)

demo-reset: install
	@$(BIN)/zhanggui demo --reset $(ARGS)

test: install-dev
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

coverage: install-dev
	@mkdir -p var/coverage
	@$(BIN)/coverage run -m pytest -n $(WORKERS) $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

lint: install-dev
	@$(BIN)/python -m tools.lint

lint-quick: install-dev
	@$(BIN)/python -m tools.lint --quick

format: install-dev
	@$(BIN)/python -m tools.lint --format

texts: install-dev
	@$(BIN)/python -m tools.texts $(ARGS)

docs: install-dev
	@$(BIN)/python -m mkdocs build --strict --quiet

bench: install-dev
	@$(BIN)/python -m benchmarks

bench-stamps: install-dev
	@$(BIN)/python -m benchmarks.stamps $(ARGS)

lock: install-dev
	@$(PYTHON) tools/install.py lock $(ARGS)
