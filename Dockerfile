# warmstart in TensorFlow's own image, for training on a GPU and on Kubeflow.
#
#     docker build --tag warmstart .                             # with CUDA
#     docker build --tag warmstart --build-arg VARIANT=jupyter . # without CUDA
#     docker run --rm --gpus all --user "$(id -u)" --volume "$PWD:/work" --volume "$HOME/.keras/models:/weights" \
#         warmstart pipeline run --data photos
#
# The image's TensorFlow belongs to its CUDA and is not touched: it is left out of what is
# installed, and the rest goes into a virtual environment that sees it. A test keeps the version
# here equal to that in uv.lock, and the build stops should the image hold another.
ARG TENSORFLOW_VERSION=2.21.0
ARG VARIANT=gpu-jupyter

FROM tensorflow/tensorflow:${TENSORFLOW_VERSION}-${VARIANT} AS base

# What needs uv happens here, and only the environment is carried over.
FROM base AS build
WORKDIR /build
COPY requirements-uv.txt pyproject.toml uv.lock ./
# The list of packages is made from uv.lock on the spot rather than kept in the repository, where
# it would be a second copy to hold in step. It has the hash of each, setuptools too, with which
# the few that PyPI has as source only, and warmstart itself, are built.
RUN python3 -m pip install --no-cache-dir --require-hashes --requirement requirements-uv.txt --target /uv \
    && /uv/bin/uv export --quiet --frozen --no-emit-project --no-emit-package tensorflow \
        --output-file requirements.txt
RUN python3 -m venv --system-site-packages /opt/warmstart \
    && /uv/bin/uv pip install --quiet --no-cache --compile-bytecode --python /opt/warmstart/bin/python \
        --no-deps --require-hashes --requirement requirements.txt --build-constraints requirements.txt
COPY . .
RUN /uv/bin/uv build --quiet --no-cache --wheel --require-hashes --build-constraints requirements.txt \
    && /opt/warmstart/bin/python -m pip install --no-cache-dir --no-deps dist/*.whl

FROM base
ARG TENSORFLOW_VERSION
ARG VARIANT
LABEL org.opencontainers.image.title="warmstart" \
      org.opencontainers.image.description="Image transfer learning as a production TFX pipeline" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-2.0-or-later AND MIT" \
      org.opencontainers.image.base.name="docker.io/tensorflow/tensorflow:${TENSORFLOW_VERSION}-${VARIANT}"

COPY --from=build /opt/warmstart /opt/warmstart
ENV PATH=/opt/warmstart/bin:$PATH
RUN python -c "from importlib.metadata import version; import sys; found = version('tensorflow'); \
sys.exit(found != '${TENSORFLOW_VERSION}' and f'The image holds TensorFlow {found}, not ${TENSORFLOW_VERSION}.')"

# A number, since Kubernetes checks runAsNonRoot by number.
RUN useradd --create-home --uid 10001 warmstart && install --directory --owner=warmstart /work /weights
# ImageNet weights, shared by all runs that mount the same folder here.
ENV WARMSTART_WEIGHTS_CACHE=/weights
USER 10001
WORKDIR /work
ENTRYPOINT ["warmstart"]
CMD ["--help"]
