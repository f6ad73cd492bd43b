"""Opens ML Metadata without TFX, which takes some ten seconds to import."""

from __future__ import annotations

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from pipelines.folders import OutputFolders

# Types of contexts, as TFX writes them.
PIPELINE_CONTEXT = "pipeline"
RUN_CONTEXT = "pipeline_run"
CACHE_CONTEXT = "execution_cache"


def connection(output: OutputFolders) -> metadata_store_pb2.ConnectionConfig:
    """Returns how the store of an output folder is opened; TFX's own would make the folder."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(output.metadata)
    config.sqlite.connection_mode = (
        metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    )
    return config


def opened(output: OutputFolders) -> MetadataStore:
    """Opens the store of an output folder; one that is not there is made."""
    return MetadataStore(connection(output))


def opened_to_read(output: OutputFolders) -> MetadataStore:
    """Opens the store of an output folder; without one, an empty store in memory."""
    if output.metadata.exists():
        return opened(output)
    config = metadata_store_pb2.ConnectionConfig()
    config.fake_database.SetInParent()
    return MetadataStore(config)
