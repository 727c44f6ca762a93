"""Logs two versions of a model to the MLflow server at MLFLOW_TRACKING_URI, as people do: run, data, alias, stage."""

import mlflow
import numpy as np
import pandas as pd
from onnx import TensorProto, helper, numpy_helper


def model(scale: float):
    # Large enough for weights in a file of their own, which is what mlflow does from 1 KiB on.
    weights = numpy_helper.from_array(np.full((4, 1024), scale, np.float32), "w")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1024])
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


mlflow.set_experiment("wine")
rows = pd.DataFrame(np.ones((2, 4), np.float32), columns=["acid", "sugar", "ph", "year"])
for version in (1, 2):
    with mlflow.start_run() as run:
        mlflow.log_params({"depth": 3, "kind": "gbt"})
        mlflow.log_metric("rmse", 1 / version)
        mlflow.log_metric("undefined", float("nan"))
        mlflow.log_input(mlflow.data.from_pandas(rows, name="wine"), context="training")
        signature = mlflow.models.infer_signature(rows)
        mlflow.onnx.log_model(
            model(version), name="wine", registered_model_name="wine", signature=signature, input_example=rows
        )
        print(run.info.run_id)
client = mlflow.MlflowClient()
client.set_registered_model_alias("wine", "champion", 1)
client.transition_model_version_stage("wine", 2, "Production")
