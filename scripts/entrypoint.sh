#!/bin/sh
# Starts what a container is asked for: by its options a worker of Beam, by its name one of the
# programs that people use in the image, and else a command of warmstart.
set -eu

case "${1:-}" in
    --id=* | --worker_pool*) exec /opt/apache/beam/boot "$@" ;;
    bash | jupyter-lab | python | tensorboard) exec "$@" ;;
    *) exec warmstart "$@" ;;
esac
