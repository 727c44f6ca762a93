"""Writes the same rows with pandas and pyarrow into every format they know: python make_files.py FOLDER"""

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

folder = sys.argv[1]
rows = 500
x = (np.arange(rows * 3, dtype=np.float32) / 4).reshape(rows, 3)
notes = ["", 'a,"b"\nü', None] * 166 + ["", "z"]
frame = pd.DataFrame({"x": list(x), "id": np.arange(rows), "note": notes})

frame.to_json(f"{folder}/pandas.json", orient="records")
frame.to_json(f"{folder}/pandas-lines.json", orient="records", lines=True)
lists = frame.assign(x=[str(row.tolist()) for row in x])
lists.to_csv(f"{folder}/pandas.csv", index=False)
wide = pd.DataFrame({f"x[{column}]": x[:, column] for column in range(3)}).assign(id=frame["id"], note=frame["note"])
wide.to_csv(f"{folder}/pandas-wide.csv", index=False)
frame.to_parquet(f"{folder}/pandas.parquet", row_group_size=128)

fixed = pa.table(
    {
        "x": pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 3),
        "id": pa.array(frame["id"]),
        "note": pa.array(notes, pa.string()),
    }
)
pa.parquet.write_table(fixed, f"{folder}/fixed.parquet", compression="zstd")
pa.feather.write_feather(fixed, f"{folder}/plain.feather", compression="uncompressed", chunksize=200)
pa.feather.write_feather(fixed, f"{folder}/compressed.feather", compression="lz4")
with pa.OSFile(f"{folder}/stream.arrows", "wb") as sink, pa.ipc.new_stream(sink, fixed.schema) as writer:
    for batch in fixed.to_batches(max_chunksize=77):
        writer.write_batch(batch)
