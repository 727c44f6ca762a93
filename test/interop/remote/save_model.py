"""Saves a model as people do whose model is no graph: columns by name in, columns by name out, of several types."""

import sys

import mlflow.pyfunc
import numpy as np
import pandas as pd


class Wine(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        scale = (params or {}).get("scale", 1.0)
        quality = scale * (model_input["fixed acidity"] / 3 + model_input["year"] % 7)
        label = model_input["kind"].str.upper() + np.where(quality > 5, "-good", "-poor")
        # A score that there is none of, as pandas writes it.
        score = quality.where(model_input["fixed acidity"] >= 0)
        return pd.DataFrame({"quality": quality, "label": label, "score": score})


rows = pd.DataFrame({"fixed acidity": [7.4, 0.1], "year": [1999, 2001], "kind": ["red", "white"]})
model = Wine()
signature = mlflow.models.infer_signature(rows, model.predict(None, rows), {"scale": 1.0})
mlflow.pyfunc.save_model(sys.argv[1], python_model=model, signature=signature, pip_requirements=[])
