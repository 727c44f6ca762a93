"""Starts the Triton server that the nvidia-pytriton wheel carries, with the model repository beside this file.

The wheel has no ONNX Runtime backend, so Triton runs onnxruntime through its Python backend, with dynamic batching. The
backend looks for its stub, which the wheel keeps per Python version, beside itself: a folder of links puts them together.
`exec` leaves no process between the harness and the server. Argument: the HTTP port.
"""

import os
import site
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytriton

here = Path(__file__).resolve().parent
triton = Path(pytriton.__file__).resolve().parent / "tritonserver"
version = f"{sys.version_info.major}.{sys.version_info.minor}"

backend = Path(tempfile.mkdtemp(prefix="penstock-triton-")) / "python"
backend.mkdir()
for file in [*(triton / "backends" / "python").glob("*.*"), *(triton / "python_backend_stubs" / version).iterdir()]:
    (backend / file.name).symlink_to(file)

os.environ["LD_LIBRARY_PATH"] = sysconfig.get_config_var("LIBDIR")
os.environ["PYTHONPATH"] = site.getsitepackages()[0]
arguments = [
    f"--model-repository={here / 'repository'}",
    f"--backend-directory={backend.parent}",
    "--http-address=127.0.0.1",
    f"--http-port={sys.argv[1]}",
    "--allow-grpc=false",
    "--allow-metrics=false",
    "--log-verbose=0",
]
os.execv(triton / "bin" / "tritonserver", ["tritonserver", *arguments])
