"""pandas and pyarrow open every body and every file that Penstock writes, and Penstock reads what they write."""

import io
import json
import urllib.error
import urllib.request

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

FILE = "application/vnd.apache.arrow.file"
STREAM = "application/vnd.apache.arrow.stream"
RECORDS = "application/json; format=pandas-records"
ROWS = 500
X = (np.arange(ROWS * 3, dtype=np.float32) / 4).reshape(ROWS, 3)


def post(url, body, content_type, query="", accept=None):
    headers = {"content-type": content_type, **({"accept": accept} if accept else {})}
    request = urllib.request.Request(f"{url}/v1/pipelines/checked/infer?{query}", body, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def ipc(table, form=FILE, **options):
    sink = io.BytesIO()
    new = pa.ipc.new_file if form == FILE else pa.ipc.new_stream
    with new(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=190)
    return sink.getvalue()


def opened(body, form=FILE):
    table = (pa.ipc.open_file if form == FILE else pa.ipc.open_stream)(body).read_all()
    table.validate(full=True)
    return table


def fixed():
    return pa.table({"x": pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 3)})


def lists(item=pa.float32()):
    return pa.table({"x": pa.array(list(X), pa.list_(item))})


BODIES = {
    "fixed": fixed,
    "lists": lists,
    "doubles": lambda: lists(pa.float64()),
    "integers": lambda: pa.table({"x": pa.array([[1, 2, 3]] * ROWS, pa.list_(pa.int64()))}),
    "pandas": lambda: pa.Table.from_pandas(pd.DataFrame({"x": list(X), "id": np.arange(ROWS)})),
    "large lists": lambda: lists().cast(pa.schema([("x", pa.large_list(pa.float32()))])),
}


@pytest.mark.parametrize("form", [FILE, STREAM], ids=["file", "stream"])
@pytest.mark.parametrize("body", BODIES)
def test_pyarrow_bodies_are_read_and_answers_opened(url, form, body):
    sent = BODIES[body]()
    status, answer = post(url, ipc(sent, form), form, "dataset=out,anomaly&dataset_separator=.")
    assert status == 200, answer
    table = opened(answer, form)
    assert table.schema.field("out.y").type == pa.list_(pa.field("inner", pa.float32(), nullable=False))
    expected = np.stack(sent["x"].to_numpy(zero_copy_only=False)).astype(np.float32) + 1
    assert np.array_equal(np.stack(table["out.y"].to_numpy(zero_copy_only=False)), expected)
    assert table["anomaly.too-high"].to_pylist() == (expected[:, 0] > 10).tolist()


@pytest.mark.parametrize("accept", [FILE, STREAM], ids=["file", "stream"])
def test_everything_nested_is_a_struct_a_group(url, accept):
    status, answer = post(url, ipc(fixed()), FILE, "", accept)
    assert status == 200, answer
    table = opened(answer, accept)
    assert table.column_names == ["time", "in", "out", "anomaly", "check_failures", "metadata"]
    assert table.schema.field("time").type == pa.int64()
    assert json.loads(table.schema.field("in").type.field("x").metadata[b"tensor_type"]) == {"shape": [3]}
    frame = table.to_pandas()
    assert np.array_equal(np.stack([row["x"] for row in frame["in"]]), X)
    assert json.loads(frame["metadata"][0]["last_model"])["model_name"] == "add"


def test_flat_has_timestamps_as_pandas_likes_them(url):
    _, answer = post(url, ipc(fixed()), FILE, "dataset_separator=.")
    frame = opened(answer).to_pandas()
    assert str(frame["time"].dtype).startswith("datetime64[ms")
    assert abs((pd.Timestamp.now("UTC").tz_localize(None) - frame["time"][0]).total_seconds()) < 600


def test_extra_columns_come_back_as_they_were(url):
    extra = {
        "id": pa.array(range(ROWS), pa.int64()),
        "note": pa.array(["ü", None] * (ROWS // 2)),
        "when": pa.array([1_700_000_000_000 + row for row in range(ROWS)], pa.timestamp("ms", "UTC")),
        "tags": pa.array([[row, None] for row in range(ROWS)], pa.list_(pa.int32())),
        "flag": pa.array([True, None] * (ROWS // 2)),
        "big": pa.array(["a"] * ROWS, pa.large_string()),
    }
    sent = fixed()
    for name, column in extra.items():
        sent = sent.append_column(name, column)
    _, answer = post(url, ipc(sent, STREAM), STREAM, "dataset=in&dataset_separator=.")
    table = opened(answer, STREAM)
    for name, column in extra.items():
        assert table[f"in.{name}"].to_pylist() == column.to_pylist(), name


def test_pandas_records_both_ways(url):
    frame = pd.DataFrame({"x": list(X), "id": np.arange(ROWS)})
    status, answer = post(url, frame.to_json(orient="records").encode(), RECORDS, "dataset_separator=.")
    assert status == 200, answer
    answered = pd.read_json(io.BytesIO(answer), orient="records")
    assert list(answered.columns[:4]) == ["time", "in.id", "in.x", "out.y"]
    assert np.allclose(np.stack(answered["out.y"]), X + 1)
    _, nested = post(url, frame.to_json(orient="records").encode(), RECORDS)
    flat = pd.json_normalize(json.loads(nested))
    assert np.allclose(np.stack(flat["out.y"]), X + 1)


EXTRAS = {
    "dictionary": lambda: pa.array(["a", "b"] * (ROWS // 2)).dictionary_encode(),
    "decimal": lambda: pa.array(range(ROWS)).cast(pa.decimal128(20)),
    "struct": lambda: pa.array([{"a": row} for row in range(ROWS)]),
    "views": lambda: pa.array([f"text {row}" for row in range(ROWS)], pa.string_view()),
}


@pytest.mark.parametrize("what", EXTRAS)
def test_extra_columns_of_every_encoding_come_back(url, what):
    sent = fixed().append_column("extra", EXTRAS[what]())
    _, answer = post(url, ipc(sent, STREAM), STREAM, "dataset=in&dataset=out&dataset_separator=.")
    table = opened(answer, STREAM)
    assert table["in.extra"].to_pylist() == sent["extra"].to_pylist()
    assert np.allclose(np.stack(table["out.y"].to_pylist()), X + 1)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_packed_buffers_are_read(url, compression):
    status, answer = post(url, ipc(fixed(), STREAM, compression=compression), STREAM, "dataset=out&dataset_separator=.")
    assert status == 200, answer
    assert np.allclose(np.stack(opened(answer, STREAM)["out.y"].to_pylist()), X + 1)


def test_a_row_that_is_null_is_missing(url):
    rows = pa.table({"x": pa.array([None, [1, 2, 3]], pa.list_(pa.float32(), 3))})
    status, answer = post(url, ipc(rows, STREAM), STREAM, "dataset=out&dataset_separator=.")
    assert status == 200, answer
    missing, whole = opened(answer, STREAM)["out.y"].to_pylist()
    assert np.isnan(missing).all() and whole == [2, 3, 4]


def test_a_body_that_is_cut_off_is_refused_by_name(url):
    status, answer = post(url, ipc(fixed(), STREAM)[:-500], FILE)
    assert status == 400
    assert "cut off" in json.loads(answer)["error"]


def read(path):
    ending = path.rsplit(".", 1)[1]
    if ending == "parquet":
        return pa.parquet.read_table(path).to_pandas()
    if ending in ("arrow", "arrows"):
        with pa.memory_map(path) as source:
            return (pa.ipc.open_file if ending == "arrow" else pa.ipc.open_stream)(source).read_all().to_pandas()
    if ending == "csv":
        frame = pd.read_csv(path, converters={"out.y": json.loads, "in.x": json.loads})
        assert pa.csv.read_csv(path, parse_options=pa.csv.ParseOptions(newlines_in_values=True)).num_rows == len(frame)
        return frame
    return pd.read_json(path, orient="records", lines=ending == "ndjson")


@pytest.mark.parametrize("ending", ["json", "ndjson", "csv", "arrow", "arrows", "parquet"])
def test_files_that_we_write_are_opened(folder, ending):
    frame = read(f"{folder}/answers.{ending}")
    assert list(frame.columns) == ["time", "in.id", "in.note", "in.x", "out.y", "anomaly.count", "anomaly.small-input", "anomaly.too-high"]
    assert frame["in.id"].tolist() == list(range(ROWS))
    assert np.allclose(np.stack(frame["in.x"]), X)
    assert np.allclose(np.stack(frame["out.y"]), X + 1)
    assert frame["anomaly.too-high"].astype(bool).tolist() == (X[:, 0] + 1 > 10).tolist()
    notes = ["", 'a,"b"\nü', None] * 166 + ["", "z"]
    shown = [None if pd.isna(note) else note for note in frame["in.note"]]
    # An empty cell of CSV is no value: the two cannot be distinguished.
    assert [note or None for note in shown] == [note or None for note in notes]
