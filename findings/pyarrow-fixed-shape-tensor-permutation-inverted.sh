#!/usr/bin/env bash
# pyarrow 26.0.1 makes arrow.fixed_shape_tensor columns of numpy views whose axes rotate (images turned from channels last
# to channels first) with the inverse of the permutation that the format specifies, where dimension i of the logical row
# is physical dimension permutation[i]. Swapping two axes is its own inverse, so it comes out right and hides the fault.
# pyarrow does not read its own column back: the array has other axes, without an error. A reader that follows the format
# gets wrong axes from such files too; sizes that differ give it away, equal sizes do not. Way out: numpy.ascontiguousarray
# before the column is made. Source: the format's canonical extension types, "Fixed shape tensor"; run here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check pyarrow==26.0.1 numpy==2.4.6
cat >"$folder/permutation.py" <<'PYTHON'
import numpy as np
import pyarrow as pa

print("pyarrow", pa.__version__)
images = np.arange(2 * 2 * 3 * 4, dtype=np.float32).reshape(2, 2, 3, 4)
views = {
    "stored": images,
    "swapped": images.transpose(0, 2, 1, 3),
    "rotated": images.transpose(0, 3, 1, 2),
    "rotated, copied": np.ascontiguousarray(images.transpose(0, 3, 1, 2)),
}
for name, view in views.items():
    column = pa.FixedShapeTensorArray.from_numpy_ndarray(view)
    shape, permutation = column.type.shape, column.type.permutation or range(3)
    logical = [shape[axis] for axis in permutation]
    back = column.to_numpy_ndarray()
    is_same = back.shape == view.shape and bool((back == view).all())
    print(f"{name}: row {list(view.shape[1:])}, by the format {logical}, read back {'alike' if is_same else 'otherwise'}")
PYTHON
seen=$("$python" "$folder/permutation.py")
printf '%s\n' "$seen"
grep -qF 'stored: row [2, 3, 4], by the format [2, 3, 4], read back alike' <<<"$seen"
grep -qF 'swapped: row [3, 2, 4], by the format [3, 2, 4], read back alike' <<<"$seen"
grep -qF 'rotated: row [4, 2, 3], by the format [3, 4, 2], read back otherwise' <<<"$seen"
grep -qF 'rotated, copied: row [4, 2, 3], by the format [4, 2, 3], read back alike' <<<"$seen"
