# `make` lists the commands. Everything listens on 127.0.0.1 only; data are kept in .local/.
PYTHON ?= python3
PY := .venv/bin/python
# What is done to the stack of `make up` must not be taken for what is done to another stage.
STACK = $(if $(filter-out local,$(STAGE)),$(error make $@ is for the stack of `make up` alone; docs/runbook.md says what to run on AWS))env -u DECANT_URL -u DECANT_TOKEN $(PY) -m decant
STAGED = $(if $(STAGE),--stage $(STAGE))

# Hundreds of processes are started by the tests alone: what one has compiled the next need not.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: $(shell awk -F: '/^[a-z-]+:.*\#\# / {print $$1}' $(MAKEFILE_LIST)) install

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "What takes no STAGE is about the stack of make up; what may take one is so without it."

up: install ## bring the whole system up, load the samples, show the results [EMULATOR=localstack]
	@$(if $(EMULATOR),DECANT_EMULATOR=$(EMULATOR)) $(STACK) up

down: | $(PY) ## stop it; its data stay
	@$(STACK) down

reset: | $(PY) ## stop it and forget its data
	@$(STACK) reset --yes

status: | $(PY) ## what runs, and where
	@$(STACK) status || [ $$? = 3 ]

logs: | $(PY) ## the ends of all logs
	@$(STACK) logs

url: | $(PY) ## the API's URL
	@$(STACK) url

local-token: | $(PY) ## the token of the local stack
	@$(STACK) token show

token: | $(PY) ## make a token: make token NAME=loader SCOPES="read write" [EXPIRES=90d] [STAGE=dev]
	@$(PY) -m decant token make $(STAGED) "$(NAME)" --scopes "$(SCOPES)" $(if $(EXPIRES),--expires $(EXPIRES))

tokens: | $(PY) ## list the tokens [STAGE=dev]
	@$(PY) -m decant token list $(STAGED)

revoke-token: | $(PY) ## make a token worthless: make revoke-token ID=… [STAGE=dev]
	@$(PY) -m decant token revoke $(STAGED) "$(ID)"

drop: | $(PY) ## load files: make drop FILES="a.csv b.xlsx" [TABLE=departments] [ON_CONFLICT=update]
	@$(STACK) load --rejections-ok $(FILES) $(if $(TABLE),--table $(TABLE)) $(if $(ON_CONFLICT),--on-conflict $(ON_CONFLICT))

backup-to-dir: | $(PY) ## back all tables up into a folder: make backup-to-dir DIR=backups
	@$(STACK) backup --all --to $(DIR)

restore-from-dir: | $(PY) ## and back from it: make restore-from-dir DIR=backups [DRY_RUN=1]
	@$(STACK) restore --all --yes --from $(DIR) $(if $(DRY_RUN),--dry-run)

metrics: | $(PY) ## show the metrics: make metrics [YEAR=2021]
	@$(STACK) metrics $(if $(YEAR),--year $(YEAR))

simulate: | $(PY) ## play a day of a team on the running stack, and hold what is seen against what is due
	@$(STACK) simulate

get: | $(PY) ## ask the API: make get ROUTE='/runs?limit=5'
	@$(STACK) get '$(ROUTE)'

post: | $(PY) ## order something of the API: make post ROUTE=/restores [BODY='{"dry_run": true}']
	@$(STACK) post '$(ROUTE)' $(if $(BODY),'$(BODY)')

rebuild-catalog: | $(PY) ## fill a lost catalogue again, from the bucket and the database
	@$(STACK) rebuild-catalog

drill: | $(PY) ## restore the newest backups for practice; no table is touched
	@$(STACK) drill

retention: | $(PY) ## delete the backups that need not be kept
	@$(STACK) retention

dead-letters: | $(PY) ## the work that failed as often as it may, and why
	@$(STACK) dead-letters

redrive: | $(PY) ## give that work to the workers again: make redrive [RUN=id]
	@$(STACK) redrive $(if $(RUN),--run "$(RUN)")

audit: | $(PY) ## who did what: make audit [PRINCIPAL=id] [LIMIT=100] [STAGE=prod]
	@$(PY) -m infra.audit audit $(STAGED) $(if $(PRINCIPAL),--principal "$(PRINCIPAL)") $(if $(LIMIT),--limit $(LIMIT))

audit-verify: | $(PY) ## whether the audit log is as it was written: make audit-verify [STAGE=prod]
	@$(PY) -m infra.audit audit-verify $(STAGED)

migrate: | $(PY) ## bring the database to the dictionary: make migrate [STAGE=dev] [PLAN=1]
	@$(PY) -m infra.migrate $(STAGED) $(if $(PLAN),--plan)

dev: install ## serve the API with `chalice local` against the running stack
	@$(STACK) dev

test: install ## every test, on as many cores as there are
	@$(PY) -m pytest -n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder $(ARGS)

fuzz: install ## look for inputs that break a promise, guided by coverage: make fuzz [MINUTES=10] [TARGET=csv] [SEED=1]
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r tests/fuzz/requirements.txt
	@for target in $(or $(TARGET),csv workbook validation avro manifest); do $(PY) -m tests.fuzz $$target --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) || exit 1; done

flips: install ## damage a backup again and again, each damage must be refused: make flips [COUNT=10000] [SEED=]
	@$(PY) -m tests.flips $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

races: install ## clients at once, for longer than in make test: make races [MINUTES=3] [SEED=n, which repeats the work, not its timing]
	@$(PY) -m tests.races $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

faults: install ## Postgres, S3, DynamoDB and SQS fail at drawn places, for longer than in make test: make faults [MINUTES=3] [SEED=n]
	@$(PY) -m tests.faulty $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

torture: install ## kill workers at random over mixed work, and look at what is left: make torture [KILLS=1000] [SEED=n] [MINUTES=60]
	@KILLS=$(KILLS) SEED=$(SEED) MINUTES=$(MINUTES) $(PY) -m pytest -q -s tests/torture/torture.py

test-localstack: install ## what speaks with the deployed system, on LocalStack: one of ours, then one that is given
	@$(PY) -m pytest -m deployed --emulator=localstack -n 2 --dist loadscope tests/e2e --ignore=tests/e2e/test_package.py
	@$(PY) -m infra.local.with_localstack $(PY) -m pytest -m localstack tests/e2e

pictures: install ## pictures of the console's pages into .local/screenshots, and the one that the README shows
	@$(PY) -m pytest -q tests/browser/test_pages.py
	@cp .local/screenshots/readme.png docs/images/console.png

machines: install ## a machine tries the whole API of the running stack, and fills it with nonsense: make machines [EXAMPLES=50] [MINUTES=10] [SEED=1]
	@$(PY) -m tests.machines $(if $(EXAMPLES),--examples $(EXAMPLES)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

callers: install ## callers at once use the running stack, and what went in is counted: make callers [CALLERS=8] [MINUTES=3] [SEED=1]
	@$(PY) -m bench.callers $(if $(CALLERS),--callers $(CALLERS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

mutants: install ## change what decides over rows, a piece at a time: a test must fail: make mutants [MODULE=chalicelib.load.validation]
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r tests/mutation/requirements.txt
	@$(PY) -m tests.mutation $(if $(MODULE),--module $(MODULE))

lint: install ## ruff, mypy and the schemas of the workflows
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m check_jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(PY) -m check_jsonschema -q --builtin-schema vendor.dependabot .github/dependabot.yml

bench: install ## measure against other tools, see docs/benchmarks.md: make bench [ONLY=load,backup] [QUICK=1]
	@$(PY) -m bench $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick $(if $(RECORD),--record)) $(if $(PROFILE),--profile)

deploy: install ## bring a stage up in the AWS account at hand: make deploy STAGE=dev [LOSE_DATA=1]
	@$(PY) -m infra.deployment deploy $(or $(STAGE),$(error Which stage? make deploy STAGE=dev)) $(if $(STAGES),--stages $(STAGES)) $(if $(LOSE_DATA),--lose-data)

destroy: | $(PY) ## take a stage down: make destroy STAGE=dev [YES=1] [WITH_BACKUPS=1]
	@$(PY) -m infra.deployment destroy $(or $(STAGE),$(error Which stage? make destroy STAGE=dev)) $(if $(YES),--yes) $(if $(WITH_BACKUPS),--with-backups)

reference: install ## write docs/reference/ anew, from the code
	@$(PY) -m infra.reference
	@$(PY) -m decant.reference docs/reference/cli.md && echo docs/reference/cli.md

console: install ## make the web console's script and style sheet of their sources anew; needs node and npm
	@$(PY) -m infra.console

sample-data: install ## make sample_data/ again
	@$(PY) -m sample_data.generate

package: install ## the zip, the template and the bill of materials for AWS: make package [OUT=dist] [CHALICE_STAGE=production] [PYTHON_RUNTIME=3.13]
	@$(PY) -m infra.ship $(or $(OUT),dist) --stage $(or $(CHALICE_STAGE),production) --python $(or $(PYTHON_RUNTIME),3.13) --architecture $(or $(ARCHITECTURE),x86_64)

lock: install ## lock the dependencies that pyproject.toml and requirements.txt ask for: make lock [UPGRADE=1]
	@$(PY) -m infra.lock $(if $(UPGRADE),--upgrade)

sbom: install ## the bill of materials of what ships, as CycloneDX JSON: make sbom [OUT=dist]
	@$(PY) -m infra.ship $(or $(OUT),dist) --sbom-only

audit-dependencies: install ## known vulnerabilities of what ships, and of the development environment
	@$(PY) -m pip_audit --strict --disable-pip --no-deps --require-hashes -r requirements.lock
	@$(PY) -m pip_audit --strict --disable-pip --no-deps --require-hashes -r requirements-dev.lock

install: .venv/installed

# What only looks or stops does not wait for an installation that is out of date.
$(PY):
	@$(MAKE) --no-print-directory install

.venv/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Decant needs Python 3.11 or newer; PYTHON=… names another one." >&2; exit 1; }
	@echo "Installing the project's environment into .venv (about a minute)"
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install -qq --disable-pip-version-check --no-compile --require-hashes -r requirements-dev.lock
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
