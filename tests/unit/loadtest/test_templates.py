"""Bodies whose ids are new each time, and rows that have the same ids as their body."""

import json
from uuid import UUID

from events import otlp
from events.payloads import PayloadEncoder
from events.records import RunRecord
from loadtest.ledger import run_row, step_row
from loadtest.payloads import PAYLOAD_BYTES_MAX, Synthesizer
from loadtest.templates import StepTemplate, Template


def test_the_rows_of_a_batch_are_those_of_its_body() -> None:
    template = Template.batch(Synthesizer(1), events=25)
    body, rows = template.fresh()
    expected = b""
    for event in json.loads(body):
        finished = "finishedAt" in event
        step = event["type"] == "step"
        expected += (
            step_row(event["runId"], event["id"], finished=finished) if step else run_row(event["id"], finished=finished)
        )
    assert rows == expected
    assert rows.count(b"\n") == template.events == 25


def test_the_rows_of_an_export_are_those_of_its_spans() -> None:
    template = Template.export(Synthesizer(1), runs=3)
    body, rows = template.fresh()
    records = otlp.decode_protobuf(body, PayloadEncoder(PAYLOAD_BYTES_MAX), 100).records
    expected = [
        run_row(record.id, finished=True)
        if isinstance(record, RunRecord)
        else step_row(record.run_id, record.id, finished=True)
        for record in records
    ]
    assert rows == b"".join(expected)
    assert len(records) == template.events


def test_no_run_is_sent_twice() -> None:
    for template in (Template.batch(Synthesizer(1)), Template.export(Synthesizer(1))):
        runs = [{UUID(line.split(b"\t")[0].decode()) for line in template.fresh()[1].splitlines()} for _ in range(2)]
        assert not runs[0] & runs[1]


def test_a_step_has_a_new_id_and_no_parent_of_another_run() -> None:
    templates = StepTemplate.some(Synthesizer(1), 12, finished=False)
    assert len(templates) == 12
    for template in templates:
        (one, body), (other, _) = template.fresh(), template.fresh()
        step = json.loads(body)
        assert step["id"] == one != other
        assert not {"parentId", "output", "finishedAt"} & step.keys()


def test_a_finished_step_says_so() -> None:
    (template,) = StepTemplate.some(Synthesizer(1), 1, finished=True)
    assert "finishedAt" in json.loads(template.fresh()[1])
