"""Reads OpenLineage events, a JSON array on standard input, with the classes that the
project OpenLineage generates from its JSON schemas: whatever is missing, unknown or of
another type is an error."""

import json
import sys
import types
import typing
from urllib.parse import urlparse
from uuid import UUID

import attr
from openlineage.client import event_v2
from openlineage.client.generated import (base, column_lineage_dataset, dataset_version_dataset, datasource_dataset, documentation_job, error_message_run,
                                          job_type_job, output_statistics_output_dataset, processing_engine_run, schema_dataset)

FACETS = {
    "schema": schema_dataset.SchemaDatasetFacet,
    "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet,
    "dataSource": datasource_dataset.DatasourceDatasetFacet,
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "documentation": documentation_job.DocumentationJobFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "processing_engine": processing_engine_run.ProcessingEngineRunFacet,
}


def build(kind, value, where):
    """Makes a value of the kind that a class asks for."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        kinds = [k for k in typing.get_args(kind) if k is not type(None)]
        return build(kinds[0], value, where)
    if origin is list:
        assert isinstance(value, list), f"{where} is no list"
        return [build(typing.get_args(kind)[0], v, f"{where}[{i}]") for i, v in enumerate(value)]
    if origin is dict:
        assert isinstance(value, dict), f"{where} is no object"
        return {k: build(typing.get_args(kind)[1], v, f"{where}.{k}") for k, v in value.items()}
    if attr.has(kind):
        return instance(kind, value, where)
    if kind in (str, int, bool, float):
        assert type(value) is kind, f"{where} is {value!r}, want {kind.__name__}"
    return value


def instance(cls, value, where):
    assert isinstance(value, dict), f"{where} is no object"
    names = {**vars(typing), **{k: v for base in reversed(cls.__mro__) for k, v in vars(sys.modules[base.__module__]).items()}}
    hints = {f.name: eval(f.type, names) if isinstance(f.type, str) else f.type for f in attr.fields(cls)}
    known = {f.name for f in attr.fields(cls)} - {"_producer", "_schemaURL"}
    for name in value:
        assert name in known or name in ("_producer", "_schemaURL"), f"{where} has {name}, which {cls.__name__} does not"
    return cls(**{name: build(hints[name], v, f"{where}.{name}") for name, v in value.items() if name in known})


def facets(given, where):
    made = {}
    for name, value in (given or {}).items():
        for field in ("_producer", "_schemaURL"):
            assert urlparse(value[field]).scheme, f"{where}.{name}.{field} is no URI: {value[field]!r}"
        if name in FACETS:
            made[name] = instance(FACETS[name], value, f"{where}.{name}")
            assert value["_schemaURL"] == FACETS[name]._get_schema(), f"{where}.{name} says {value['_schemaURL']}, the class {FACETS[name]._get_schema()}"
        else:
            assert name.startswith("millwright_"), f"{where}.{name} is neither known nor our own"
    return made


def main():
    counts = {}
    for i, e in enumerate(json.load(sys.stdin)):
        where = f"event {i}"
        unknown = set(e) - {"eventTime", "eventType", "producer", "schemaURL", "run", "job", "inputs", "outputs"}
        assert not unknown, f"{where} has {unknown}"
        assert e["schemaURL"] == event_v2.RunEvent._get_schema(), e["schemaURL"]
        UUID(e["run"]["runId"])
        inputs = [base.InputDataset(d["namespace"], d["name"], facets=facets(d.get("facets"), f"{where} input"), inputFacets=facets(d.get("inputFacets"), f"{where} input")) for d in e["inputs"]]
        outputs = [base.OutputDataset(d["namespace"], d["name"], facets=facets(d.get("facets"), f"{where} output"), outputFacets=facets(d.get("outputFacets"), f"{where} output")) for d in e["outputs"]]
        base.RunEvent(eventTime=e["eventTime"], producer=e["producer"], eventType=base.EventType(e["eventType"]), inputs=inputs, outputs=outputs,
                      run=base.Run(e["run"]["runId"], facets=facets(e["run"].get("facets"), f"{where} run")),
                      job=base.Job(e["job"]["namespace"], e["job"]["name"], facets=facets(e["job"].get("facets"), f"{where} job")))
        counts[e["eventType"]] = counts.get(e["eventType"], 0) + 1
    print(json.dumps(counts, sort_keys=True))


main()
