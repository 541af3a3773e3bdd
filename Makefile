# Every target first does what it needs; nothing is downloaded or built twice.
.DEFAULT_GOAL := help
.PHONY: help setup inference pacs receive serve-build serve run-part build bundles test embedding demo dist dist-train bench parity parity-dicom \
	annotation-tools server-clients peers fixtures check-fixtures lint docs clean distclean

# Where the demo writes its masks.
DEMO_OUTPUT ?= samus-results/demo

help:
	@echo 'Run a model'
	@echo '  make demo        segment an echocardiogram and compare the mask with LiteMedSAM in Python'
	@echo '  make serve       build samus serve and open it on the example images, in the browser'
	@echo '  make pacs        build samus pacs, which talks to DICOMweb servers'
	@echo '  make receive     build samus receive, which takes what devices send (C-STORE)'
	@echo '  make inference   build only the inference side: samus with OpenVINO, without libtorch'
	@echo '  make dist        make and check an archive for Linux machines without Swift, in dist/'
	@echo '  make dist-train  make an archive for training with the PyTorch of Linux machines without Swift'
	@echo
	@echo 'Train and develop'
	@echo '  make setup       check the system packages, download OpenVINO, libtorch and weights'
	@echo '  make build       build all programs in release mode: .build/release/samus'
	@echo '  make test        build in debug mode and run all tests'
	@echo '  make lint        check the format of the Swift code and the syntax of the scripts'
	@echo '  make docs        build the documentation of the libraries, in .docs/'
	@echo '  make bundles     export the model bundles of Models/ again'
	@echo
	@echo 'Compare with Python programs (each downloads them first: 0.5 GB, or 3 GB with CUDA)'
	@echo '  make parity      compare masks, metrics and exports with the Python programs'
	@echo '  make bench       measure speed and memory beside PyTorch'
	@echo '  make fixtures    make the fixtures of the tests again; check-fixtures only compares them'
	@echo '  make annotation-tools   compare exports in X-AnyLabeling and AnyLabeling (150 MB more)'
	@echo '  make server-clients     let MONAI Label, X-AnyLabeling and Triton talk to samus serve (250 MB more)'
	@echo '  make peers       only download the Python programs'
	@echo
	@echo 'Clean up'
	@echo '  make clean       delete what was built; make distclean also deletes the downloads'

setup:
	@Tools/setup

# The inference side needs no libtorch: it is neither downloaded nor linked.
inference:
	@Tools/setup inference
	swift build -c release --product samus
	swift build -c release --product samus-dicom

# The server is a program of its own: nothing else builds its HTTP library.
serve-build: inference
	swift build -c release --product samus-server

# PORT: where it listens. DATA: the folder of images; accepted masks are written into it.
PORT ?= 8080
DATA ?= samus-results/serve
serve: serve-build
	@[ '$(DATA)' != samus-results/serve ] || { mkdir -p '$(DATA)' && cp -n Examples/*.png '$(DATA)/'; }
	@.build/release/samus serve --data '$(DATA)' --port '$(PORT)'

pacs: inference
	swift build -c release --product samus-pacs

receive: inference
	swift build -c release --product samus-receive

# The former name of `inference`.
run-part: inference

build: setup
	swift build -c release

bundles: build
	@Tools/bundles

# Another package must be able to depend on the product SAMUSKit.
embedding:
	@Tools/setup inference
	@Tools/check-embedding

# The tests run in parallel. With OpenMP threads that spin while they wait, they would be much slower.
test: setup
	OMP_WAIT_POLICY=$${OMP_WAIT_POLICY:-PASSIVE} swift test

demo: inference
	@Tools/demo '$(DEMO_OUTPUT)'

# The check of the archive compares its masks with those of the local build.
dist: inference
	@Tools/dist

dist-train: build
	@Tools/dist-train

peers: setup
	@Tools/setup-peers

bench: build peers
	@for suite in litemedsam samus bundles training checkpoints wait-policy; do \
		Benchmarks/bench.py $$suite || exit 1; \
	done

parity: build peers
	@.deps/peers/bin/python -m pytest Tools/parity

# Needs pydicom, highdicom, dicomweb-client, nibabel, pynrrd, SimpleITK, pycocotools and labelme in
# .deps/peers, and Orthanc; tests whose program is missing are skipped.
parity-dicom: build pacs peers
	@cd Tools/parity && ../../.deps/peers/bin/python -m pytest test_dicom.py test_dicom_results.py \
		test_pacs.py test_data_export.py

# CHECKPOINTS: weights to export, by default LiteMedSAM-ultrasound.
annotation-tools: build peers
	@Tools/setup-annotation-tools
	@.deps/annotation-tools/bin/python -m pytest Tools/parity/test_annotation_tools.py \
		$(addprefix --checkpoint=,$(CHECKPOINTS))

# The programs of other projects that talk to samus serve.
server-clients: serve-build
	@Tools/setup-server-clients
	@.deps/server-clients/bin/python -m pytest Tools/parity/test_server.py Tools/parity/test_server_page.py Tools/parity/test_server_api.py

fixtures: peers
	@.deps/peers/bin/python -W ignore Tools/fixtures/make.py

# With `make peers` all fixtures are compared, and otherwise those that need only NumPy and Pillow.
check-fixtures:
	@if [ -e .deps/peers/stamp ]; then .deps/peers/bin/python -W ignore Tools/fixtures/make.py --check; \
	else Tools/setup-peers fixtures && .deps/fixtures/bin/python Tools/fixtures/make.py --check; fi

lint:
	@Tools/lint

docs: setup
	@Tools/docs

clean:
	rm -rf .build .build-dist .docs dist
	@echo 'The downloads in .deps/ remain; make distclean deletes them too.'

distclean: clean
	rm -rf .deps
