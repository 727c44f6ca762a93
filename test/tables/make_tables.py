"""Writes the small tables of this folder as pyarrow, pandas and polars write them, and expected.json with their values.

    pip install pyarrow==26.0.1 pandas==3.1.1 polars==2.1.0 && python make_tables.py

Every table has a column `x` or `t`, or both; expected.json has each column as lists of what JSON shows of it. The writers'
defaults are the point: nothing is cast, unpacked or decoded on the way out.
"""
import base64
import datetime
import decimal
import io
import json
import pathlib

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
TEXTS = ["Rome", "a name of more than twelve bytes", None, "", "Rome"]
FLOATS = [[1.0, 2.5], [3.0, None], [-1.0, 1e30]]
expected, parquet_expected = {}, {}


def keep(name, body, values):
    (HERE / f"{name}.arrow").write_bytes(body)
    expected[name] = values


def stream(table, **options):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def file(table, **options):
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def polars(frame, kind="write_ipc", **options):
    sink = io.BytesIO()
    getattr(frame, kind)(sink, **options)
    return sink.getvalue()


def texts():
    values = {"t": TEXTS}
    keep("polars-text", polars(pl.DataFrame({"t": TEXTS})), values)
    keep("polars-text-stream", polars(pl.DataFrame({"t": TEXTS}), "write_ipc_stream"), values)
    keep("polars-categorical", polars(pl.DataFrame({"t": pl.Series(TEXTS, dtype=pl.Categorical)})), values)
    keep("polars-enum", polars(pl.DataFrame({"t": pl.Series(["b", "a", None], dtype=pl.Enum(["a", "b"]))})), {"t": ["b", "a", None]})
    keep("pandas-category", stream(pa.Table.from_pandas(pd.DataFrame({"t": pd.Categorical(TEXTS)}))), values)
    keep("large-utf8", stream(pa.table({"t": pa.array(TEXTS, pa.large_string())})), values)
    keep("run-ends", stream(pa.table({"t": pa.compute.run_end_encode(pa.array(["a", "a", None, "b", "b"]))})), {"t": ["a", "a", None, "b", "b"]})
    keep("view-slice", stream(pa.table({"t": pa.array(["x", *TEXTS], pa.string_view()).slice(1, 4)})), {"t": TEXTS[:4]})


def dictionaries():
    numbers = pa.array([2.5, None, 1.0, 2.5]).dictionary_encode()
    keep("dictionary-numbers", file(pa.table({"x": numbers})), {"x": [2.5, None, 1.0, 2.5]})
    words = pa.array([["a", "b"], None, ["b"]], pa.list_(pa.dictionary(pa.int8(), pa.string())))
    keep("dictionary-nested", stream(pa.table({"t": words})), {"t": [["a", "b"], None, ["b"]]})
    kind = pa.dictionary(pa.int32(), pa.string())
    batch = lambda words, indices: pa.record_batch([pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(words))], ["t"])
    for name, second in {"dictionary-delta": ["a", "b", "c"], "dictionary-replaced": ["z", "y"]}.items():
        sink = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
        with pa.ipc.new_stream(sink, pa.schema([("t", kind)]), options=options) as writer:
            writer.write_batch(batch(["a", "b"], [1, 0, None]))
            writer.write_batch(batch(second, [1, len(second) - 1]))
        keep(name, sink.getvalue(), {"t": ["b", "a", None, second[1], second[-1]]})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, pa.schema([("t", kind)]), options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)) as writer:
        writer.write_batch(batch(["a", "b"], [1, 0]))
        writer.write_batch(batch(["a", "b", "c"], [2, 2]))
    keep("dictionary-delta-file", sink.getvalue(), {"t": ["b", "a", "c", "c"]})


def packed():
    table = pa.table({"x": pa.array(FLOATS * 20, pa.list_(pa.float32())), "t": pa.array(TEXTS[:3] * 20)})
    values = {"x": FLOATS * 20, "t": TEXTS[:3] * 20}
    for codec in ("lz4", "zstd"):
        keep(f"packed-{codec}", stream(table, compression=codec), values)
        frame = pl.DataFrame({"x": [[1.0, 2.5], [3.0, None]] * 20, "t": TEXTS[:2] * 20})
        keep(f"polars-{codec}", polars(frame, compression=codec), {"x": [[1.0, 2.5], [3.0, None]] * 20, "t": TEXTS[:2] * 20})
    sink = io.BytesIO()
    pd.DataFrame({"x": [[1.0, 2.0, 3.0]], "t": ["a"]}).to_feather(sink)
    keep("pandas-feather", sink.getvalue(), {"x": [[1.0, 2.0, 3.0]], "t": ["a"]})


def lists():
    values = [[1.0, 2.0], [3.0, None], None, [5.0, 6.0]]
    for name, kind in {
        "list": pa.list_(pa.float64()),
        "large-list": pa.large_list(pa.float32()),
        "list-view": pa.list_view(pa.float32()),
        "large-list-view": pa.large_list_view(pa.float64()),
        "fixed-size-list": pa.list_(pa.float32(), 2),
    }.items():
        keep(name, stream(pa.table({"x": pa.array(values, kind)})), {"x": values})
    view = pa.ListViewArray.from_arrays(pa.array([2, 0, 2], pa.int32()), pa.array([2, 2, 2], pa.int32()), pa.array([1.0, 2.0, 3.0, 4.0], pa.float32()))
    keep("list-view-shared", stream(pa.table({"x": view})), {"x": [[3.0, 4.0], [1.0, 2.0], [3.0, 4.0]]})
    deep = [[[1.0, 2.0], None], None, [[None, 6.0], [7.0, 8.0]]]
    keep("nulls-nested", stream(pa.table({"x": pa.array(deep, pa.list_(pa.list_(pa.float32())))})), {"x": deep})
    sliced = pa.array([[9.0, 9.0], *values, [9.0, 9.0]], pa.list_(pa.float32())).slice(1, 4)
    keep("list-slice", stream(pa.table({"x": sliced})), {"x": values})
    fixed = pa.array([[9.0, 9.0], *values, [9.0, 9.0]], pa.list_(pa.float32(), 2)).slice(1, 4)
    keep("fixed-size-list-slice", stream(pa.table({"x": fixed})), {"x": values})
    chunked = pa.chunked_array([[[1.0, 2.0]], [None, [3.0, 4.0]], []], pa.list_(pa.float32()))
    keep("chunked", stream(pa.table({"x": chunked})), {"x": [[1.0, 2.0], None, [3.0, 4.0]]})
    bits = pa.array([True, None, False] * 5).slice(4, 7)
    keep("bool-slice", stream(pa.table({"x": bits})), {"x": ([True, None, False] * 5)[4:11]})
    keep("pandas-nan", stream(pa.Table.from_pandas(pd.DataFrame({"x": [1.0, np.nan, 2.0]}))), {"x": [1.0, None, 2.0]})


def others():
    day, clock = datetime.date(2026, 1, 31), datetime.time(8, 30, 0, 250_000)
    moment = datetime.datetime(1969, 12, 31, 23, 59, 59, 250_000)
    columns = {
        "null": (pa.nulls(3), [None, None, None]),
        "date32": (pa.array([day, None, datetime.date(1, 1, 1)]), ["2026-01-31", None, "0001-01-01"]),
        "date64": (pa.array([day, None, day], pa.date64()), ["2026-01-31", None, "2026-01-31"]),
        "time32": (pa.array([clock, None, clock], pa.time32("ms")), ["08:30:00.250", None, "08:30:00.250"]),
        "time64": (pa.array([clock, None, clock], pa.time64("ns")), ["08:30:00.250000000", None, "08:30:00.250000000"]),
        "seconds": (pa.array([moment, None, moment], pa.timestamp("us")), ["1969-12-31T23:59:59.250000", None, "1969-12-31T23:59:59.250000"]),
        "zoned": (pa.array([0, None, 1], pa.timestamp("s", "Europe/Rome")), ["1970-01-01T00:00:00Z", None, "1970-01-01T00:00:01Z"]),
        "duration": (pa.array([1_500_000, None, -1], pa.duration("us")), ["PT1.5S", None, "PT-0.000001S"]),
        "interval": (pa.array([(14, 3, 500_000_000), None, (0, 0, -1)], pa.month_day_nano_interval()), ["P14M3DT0.5S", None, "P0M0DT-0.000000001S"]),
        "decimal128": (pa.array([decimal.Decimal("-12.50"), None, decimal.Decimal("0.05")], pa.decimal128(38, 2)), ["-12.50", None, "0.05"]),
        "decimal256": (pa.array([decimal.Decimal(2**70), None, decimal.Decimal(-1)], pa.decimal256(76, 0)), [str(2**70), None, "-1"]),
        "decimal32": (pa.array([decimal.Decimal("1.5"), None, decimal.Decimal("-1.5")], pa.decimal32(4, 1)), ["1.5", None, "-1.5"]),
        "decimal64": (pa.array([decimal.Decimal("1.5"), None, decimal.Decimal("-1.5")], pa.decimal64(12, 1)), ["1.5", None, "-1.5"]),
        "binary": (pa.array([b"\x00\x01\x02", None, b""]), [base64.b64encode(b"\x00\x01\x02").decode(), None, ""]),
        "binary-view": (pa.array([b"a" * 20, None, b"b"], pa.binary_view()), [base64.b64encode(b"a" * 20).decode(), None, base64.b64encode(b"b").decode()]),
        "fixed-binary": (pa.array([b"ab", None, b"cd"], pa.binary(2)), ["YWI=", None, "Y2Q="]),
        "struct": (pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}]), [{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}]),
        "map": (pa.array([[("a", 1)], None, [("b", None), ("c", 3)]], pa.map_(pa.string(), pa.int32())), [[["a", 1]], None, [["b", None], ["c", 3]]]),
        "int64": (pa.array([2**53 + 1, None, -1]), [str(2**53 + 1), None, -1]),
        "halves": (pa.array(np.array([0.5, 1.5, -2], "float16")), [0.5, 1.5, -2]),
        "structs": (pa.array([[{"a": 1}], None, [{"a": 2}, None]]), [[{"a": 1}], None, [{"a": 2}, None]]),
    }
    for name, (array, values) in columns.items():
        x = pa.array([[1.0, 2.0, 3.0]] * 3, pa.list_(pa.float32()))
        keep(f"extra-{name}", stream(pa.table({"x": x, "t": array})), {"x": [[1.0, 2.0, 3.0]] * 3, "t": values})


def tensors():
    view = np.arange(12, dtype="float32").reshape(2, 2, 3).transpose(0, 2, 1)
    keep("tensor-permuted", stream(pa.table({"x": pa.FixedShapeTensorArray.from_numpy_ndarray(view)})), {"x": view.tolist()})
    images = np.arange(24, dtype="int32").reshape(1, 2, 3, 4).transpose(0, 3, 1, 2)
    # pyarrow writes the inverse of this view's permutation; the format says what it means all the same.
    images = pa.FixedShapeTensorArray.from_numpy_ndarray(images)
    memory = images.storage.flatten().to_numpy().reshape(1, *images.type.shape)
    keep("tensor-channels-first", stream(pa.table({"x": images})), {"x": memory.transpose(0, *(1 + axis for axis in images.type.permutation)).tolist()})
    plain = np.arange(12, dtype="float32").reshape(2, 3, 2)
    keep("tensor-plain", stream(pa.table({"x": pa.FixedShapeTensorArray.from_numpy_ndarray(plain)})), {"x": plain.tolist()})
    keep("tensor-nested", polars(pl.DataFrame({"x": plain})), {"x": plain.tolist()})


def parquet():
    def keep_parquet(name, body, values):
        (HERE / f"{name}.parquet").write_bytes(body)
        parquet_expected[name] = values

    def of(table, **options):
        sink = io.BytesIO()
        pq.write_table(table, sink, **options)
        return sink.getvalue()

    frame = pd.DataFrame({"t": pd.Categorical(TEXTS), "x": [1.0, np.nan, 2.0, 3.0, 4.0]})
    keep_parquet("pandas", frame.to_parquet(), {"t": TEXTS, "x": [1.0, None, 2.0, 3.0, 4.0]})
    keep_parquet("polars", polars(pl.DataFrame({"t": TEXTS, "x": [[1.0, 2.0]] * 5}), "write_parquet"), {"t": TEXTS, "x": [[1.0, 2.0]] * 5})
    view = np.arange(12, dtype="float32").reshape(2, 2, 3).transpose(0, 2, 1)
    keep_parquet("tensor-permuted", of(pa.table({"x": pa.FixedShapeTensorArray.from_numpy_ndarray(view)})), {"x": view.tolist()})
    day, clock = datetime.date(2026, 1, 31), datetime.time(8, 30)
    others = pa.table({
        "day": pa.array([day, None]),
        "clock": pa.array([clock, None]),
        "moment": pa.array([datetime.datetime(2026, 1, 31), None], pa.timestamp("us", "UTC")),
        "price": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(9, 2)),
        "pair": pa.array([{"a": 1}, None]),
        "pairs": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        "bytes": pa.array([b"a", None]),
    })
    keep_parquet("others", of(others), {
        "day": ["2026-01-31", None], "clock": ["08:30:00.000000", None], "moment": ["2026-01-31T00:00:00.000000Z", None],
        "price": ["1.50", None], "pair": [{"a": 1}, None], "pairs": [[["a", 1]], None], "bytes": ["YQ==", None],
    })
    keep_parquet("empty", of(pa.table({"x": pa.array([], pa.list_(pa.float32()))})), {"x": []})


def empty():
    schema = pa.schema([("x", pa.list_(pa.float32(), 3)), ("t", pa.string_view()), ("d", pa.dictionary(pa.int8(), pa.string()))])
    keep("empty-schema", stream(schema.empty_table()), {"x": [], "t": [], "d": []})
    keep("empty-file", file(schema.empty_table()), {"x": [], "t": [], "d": []})


for make in (texts, dictionaries, packed, lists, others, tensors, parquet, empty):
    make()
for name, tables in {"expected.json": expected, "expected-parquet.json": parquet_expected}.items():
    lines = ",\n".join(f"{json.dumps(table)}: {json.dumps(values)}" for table, values in tables.items())
    (HERE / name).write_text("{\n" + lines + "\n}\n")
files = [*HERE.glob("*.arrow"), *HERE.glob("*.parquet")]
print(len(files), "tables,", sum(path.stat().st_size for path in files), "bytes")
