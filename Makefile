# Every target does what it needs first; the second time that takes seconds and downloads nothing.
.DEFAULT_GOAL := help
.PHONY: help setup run-part build bundles test embedding demo dist bench parity annotation-tools \
	peers lint docs clean distclean

# Where the demo's pictures go.
DEMO_OUTPUT ?= samus-results/demo
# Public libraries: their documentation has to build without a warning.
DOCUMENTED := Files Checkpoints Imaging Segmentation Inference SAMUS Ultrasound Metrics Evaluation \
	Torch TorchNN SegmentAnything SAMUSModels TorchEngine Export Training

help:
	@echo 'make demo       segment an echocardiogram frame and say where the picture is'
	@echo 'make test       build in debug and run all tests'
	@echo 'make setup      check the tools, download OpenVINO, libtorch and the weights into .deps/'
	@echo 'make run-part   only what runs model bundles: OpenVINO, and samus without libtorch'
	@echo 'make build      build everything in release: .build/release/samus'
	@echo 'make bundles    export the models of Models/ anew'
	@echo 'make dist       an archive for machines without Swift, checked: dist/samus-VERSION-linux-PROCESSOR.tar.gz'
	@echo 'make bench      measure against PyTorch in Python (downloads that into .deps/peers)'
	@echo 'make parity     compare with the Python programs (downloads the same, and 55 MB for metrics)'
	@echo 'make annotation-tools  compare exports in onnxruntime, X-AnyLabeling, AnyLabeling (270 MB more)'
	@echo 'make lint       check the format of the code and the syntax of the scripts'
	@echo 'make docs       build the documentation of the libraries into .docs/'
	@echo 'make clean      remove what was built; make distclean: what was downloaded too'

setup:
	@Tools/setup

# The running half: no libtorch is downloaded, built against or needed.
run-part:
	@Tools/setup run
	swift build -c release --product samus

build: setup
	swift build -c release

# The bundles in Models/ anew, from the weights they are made of.
bundles: build
	@Tools/bundles

# That others can depend on the product SAMUS as on any package.
embedding:
	@Tools/setup run
	@Tools/check-embedding

# Threads that wait by spinning make the tests, which run side by side, many times slower.
test: setup
	OMP_WAIT_POLICY=$${OMP_WAIT_POLICY:-PASSIVE} swift test

demo: run-part
	@Tools/demo '$(DEMO_OUTPUT)'

# What it outlines is compared with what the build here does.
dist: run-part
	@Tools/dist

peers: setup
	@Tools/setup-peers

bench: build peers
	@for suite in litemedsam samus bundles training checkpoints wait-policy; do \
		Benchmarks/bench.py $$suite || exit 1; \
	done

parity: build peers
	@Tools/parity/run
	@Tools/setup-metrics-peers
	@.deps/metrics-peers/bin/python Tools/parity/test_metrics.py
	@Tools/parity/check-exports

# CHECKPOINTS names models to export; without it LiteMedSAM-ultrasound.
annotation-tools: build peers
	@Tools/setup-annotation-tools
	@Tools/parity/check-exports
	@.deps/annotation-tools/bin/python Tools/parity/test_annotation_tools.py $(CHECKPOINTS) || [ $$? -eq 77 ]

lint:
	@Tools/lint

docs: setup
	@Tools/docs $(DOCUMENTED)

clean:
	rm -rf .build .build-dist .docs dist
	@echo 'The downloads in .deps/ stay; make distclean removes them too.'

distclean: clean
	rm -rf .deps
