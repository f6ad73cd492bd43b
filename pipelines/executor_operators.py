"""Runs executors as TFX does, but where the engine says, and with a look at what they made."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from tfx.orchestration.portable.beam_executor_operator import BeamExecutorOperator
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.orchestration.portable.python_executor_operator import PythonExecutorOperator
from tfx.proto.orchestration import (
    executable_spec_pb2,
    execution_result_pb2,
    placeholder_pb2,
)

from pipelines.promised_outputs import check_outputs


def executor_operators(beam_arguments: Sequence[str]) -> dict[Any, Any]:
    """Returns what TFX's launcher runs executors with, by their kind.

    Args:
        beam_arguments: instead of those that were compiled into the pipeline. TFX's cache key has
            the compiled ones, so that it is the same with any engine.
    """
    return {
        executable_spec_pb2.PythonClassExecutableSpec: _PythonOperator,
        executable_spec_pb2.BeamExecutableSpec: partial(
            _BeamOperator, beam_arguments=beam_arguments
        ),
    }


class _PythonOperator(PythonExecutorOperator):
    def run_executor(self, execution_info: ExecutionInfo) -> execution_result_pb2.ExecutorOutput:
        return _checked(execution_info, super().run_executor(execution_info))


class _BeamOperator(BeamExecutorOperator):
    def __init__(
        self,
        executor_spec: Any,
        platform_config: Any | None = None,
        *,
        beam_arguments: Sequence[str],
    ) -> None:
        super().__init__(executor_spec, platform_config)
        self.beam_pipeline_args = [_literal(argument) for argument in beam_arguments]

    def run_executor(
        self, execution_info: ExecutionInfo, make_beam_pipeline_fn: Any = None
    ) -> execution_result_pb2.ExecutorOutput:
        return _checked(execution_info, super().run_executor(execution_info, make_beam_pipeline_fn))


def _literal(argument: str) -> Any:
    """Returns what TFX resolves to the argument as it is."""
    expression = placeholder_pb2.PlaceholderExpression()
    expression.value.string_value = argument
    return expression


def _checked(
    execution_info: ExecutionInfo, output: execution_result_pb2.ExecutorOutput
) -> execution_result_pb2.ExecutorOutput:
    """Before TFX publishes it: what is not published is never taken from the cache."""
    if output.execution_result.code == 0:
        made = {name: list(of.artifacts) for name, of in output.output_artifacts.items()}
        check_outputs(
            execution_info.pipeline_node.node_info.id,
            {
                name: [(artifact.type_name, artifact.mlmd_artifact) for artifact in artifacts]
                for name, artifacts in execution_info.output_dict.items()
            },
            made,
        )
    return output
