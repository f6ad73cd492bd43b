# warmstart in TensorFlow's own image: notebooks, training, review and workers, one environment.
#
#     docker build --tag warmstart .                             # Jupyter Lab and warmstart, CUDA
#     docker build --tag warmstart --build-arg PROCESSOR=cpu .   # the same without CUDA
#     docker build --tag warmstart-worker --target worker .      # no Jupyter, for Kubeflow and Beam
#
# `warmstart docker` shows and runs these lines; docs/docker.md says what was tried of them.
#
# The image's TensorFlow belongs to its CUDA and is not touched: it is left out of what is
# installed, and the rest goes into a virtual environment that sees it. Tests keep the versions
# here equal to those in uv.lock, and the build stops should an image hold another TensorFlow.
ARG TENSORFLOW_VERSION=2.21.0
ARG BEAM_VERSION=2.77.0
ARG PROCESSOR=gpu

# What there is to build on; only what is asked for is fetched. To pin one for good, write its
# digest behind its tag: `docker buildx imagetools inspect IMAGE` shows it.
FROM tensorflow/tensorflow:${TENSORFLOW_VERSION}-gpu AS gpu
ARG TENSORFLOW_VERSION
LABEL org.opencontainers.image.base.name="docker.io/tensorflow/tensorflow:${TENSORFLOW_VERSION}-gpu"

FROM tensorflow/tensorflow:${TENSORFLOW_VERSION} AS cpu
ARG TENSORFLOW_VERSION
LABEL org.opencontainers.image.base.name="docker.io/tensorflow/tensorflow:${TENSORFLOW_VERSION}"

FROM tensorflow/tensorflow:${TENSORFLOW_VERSION}-gpu-jupyter AS gpu-jupyter
ARG TENSORFLOW_VERSION
LABEL org.opencontainers.image.base.name="docker.io/tensorflow/tensorflow:${TENSORFLOW_VERSION}-gpu-jupyter"

FROM tensorflow/tensorflow:${TENSORFLOW_VERSION}-jupyter AS cpu-jupyter
ARG TENSORFLOW_VERSION
LABEL org.opencontainers.image.base.name="docker.io/tensorflow/tensorflow:${TENSORFLOW_VERSION}-jupyter"

FROM apache/beam_python3.11_sdk:${BEAM_VERSION} AS beam

# What needs uv happens here, and only the environment is carried over.
FROM ${PROCESSOR} AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY requirements-uv.txt pyproject.toml uv.lock ./
# The list of packages is made from uv.lock on the spot rather than kept in the repository, where
# it would be a second copy to hold in step. It has the hash of each, setuptools too, with which
# the few that PyPI has as source only, and warmstart itself, are built.
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip install --require-hashes --requirement requirements-uv.txt --target /uv \
    && /uv/bin/uv export --quiet --frozen --no-emit-project --no-emit-package tensorflow \
        --output-file requirements.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    /uv/bin/uv venv --quiet --system-site-packages --python "$(command -v python3)" /opt/warmstart \
    && /uv/bin/uv pip install --quiet --compile-bytecode --python /opt/warmstart/bin/python \
        --no-deps --require-hashes --requirement requirements.txt --build-constraints requirements.txt
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv \
    /uv/bin/uv build --quiet --wheel --require-hashes --build-constraints requirements.txt \
    && /uv/bin/uv pip install --quiet --compile-bytecode --python /opt/warmstart/bin/python \
        --no-deps dist/*.whl \
    && install --mode=644 --target-directory=/opt/warmstart uv.lock \
    && install --mode=755 scripts/entrypoint.sh /opt/warmstart/bin/warmstart-container

# Without Jupyter: the steps on Kubeflow, and Beam's workers.
FROM ${PROCESSOR} AS worker
ARG TENSORFLOW_VERSION
LABEL org.opencontainers.image.title="warmstart worker" \
      org.opencontainers.image.description="Image transfer learning as a production TFX pipeline" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-2.0-or-later AND MIT"
COPY --from=beam /opt/apache/beam /opt/apache/beam
COPY --from=build /opt/warmstart /opt/warmstart
# Whoever the container runs as, a number without a name too, has a home and may write. Weights are
# of ImageNet, shared by all runs that mount the same folder there. Beam's starter would else make
# an environment of its own, without ours.
ENV PATH=/opt/warmstart/bin:$PATH \
    HOME=/home/warmstart \
    USER=warmstart \
    WARMSTART_WEIGHTS_CACHE=/weights \
    RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
RUN useradd --create-home --uid 10001 warmstart \
    && install --directory --mode=0777 \
        /home/warmstart /data /weights /work /work/warmstart-output /work/warmstart-output/models
RUN python -c "import sys, tensorflow; found = tensorflow.__version__; \
sys.exit(found != '${TENSORFLOW_VERSION}' and f'The image holds TensorFlow {found}, not ${TENSORFLOW_VERSION}.')"
# A number, since Kubernetes checks runAsNonRoot by number.
USER 10001
WORKDIR /work
ENTRYPOINT ["warmstart-container"]
CMD ["--help"]

# The one that is built unless another is named: the same, and the Jupyter Lab of TensorFlow's image.
FROM ${PROCESSOR}-jupyter AS notebook
ARG TENSORFLOW_VERSION
LABEL org.opencontainers.image.title="warmstart" \
      org.opencontainers.image.description="Image transfer learning as a production TFX pipeline" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-2.0-or-later AND MIT"
COPY --from=build /opt/warmstart /opt/warmstart
ENV PATH=/opt/warmstart/bin:$PATH \
    HOME=/home/warmstart \
    USER=warmstart \
    WARMSTART_WEIGHTS_CACHE=/weights \
    JUPYTER_PATH=/opt/warmstart/share/jupyter
RUN useradd --create-home --uid 10001 warmstart \
    && install --directory --mode=0777 \
        /home/warmstart /data /weights /work /work/warmstart-output /work/warmstart-output/models
# Jupyter is the image's own, on the image's Python; what notebooks run is ours.
RUN install --directory /opt/warmstart/share/jupyter/kernels/python3 \
    && echo '{"argv": ["/opt/warmstart/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "warmstart", "language": "python"}' \
        >/opt/warmstart/share/jupyter/kernels/python3/kernel.json \
    && jupyter-lab --version \
    && python -c "import ipykernel.kernelapp"
RUN python -c "import sys, tensorflow; found = tensorflow.__version__; \
sys.exit(found != '${TENSORFLOW_VERSION}' and f'The image holds TensorFlow {found}, not ${TENSORFLOW_VERSION}.')"
USER 10001
WORKDIR /work
EXPOSE 8888
# Jupyter answers this without the token. What else is run in the image has no such check:
# --no-healthcheck.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8888/api', timeout=4)"]
ENTRYPOINT ["warmstart-container"]
CMD ["jupyter-lab", "--ip=0.0.0.0", "--port=8888", "--no-browser"]
