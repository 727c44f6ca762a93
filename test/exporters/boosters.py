"""LightGBM and XGBoost by onnxmltools, CatBoost by itself: with missing values, which each of them sends its own way."""

import os
import tempfile
import warnings

import catboost
import lightgbm
import onnxmltools
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from estimators import cancer_x, cancer_y, holes, order, sick_x, sick_y, wine_x, wine_y
from exported import case

warnings.filterwarnings("ignore")
wine = (holes(wine_x, seed=1), wine_y)
cancer = (holes(cancer_x, seed=2), cancer_y)
sick = (holes(sick_x, seed=4), sick_y)


def types(x):
    return [("input", FloatTensorType([None, x.shape[1]]))]


def lightgbm_case(booster, data, has_probabilities, **options):
    def make():
        x, y = data
        fitted = booster.fit(x, y)
        model = onnxmltools.convert_lightgbm(fitted, initial_types=types(x), **options).SerializeToString()
        sent = x[order]
        answers = [fitted.predict(sent)] + ([fitted.predict_proba(sent)] if has_probabilities else [])
        if not has_probabilities:
            answers = [answers[0].reshape(-1, 1)]
        return case("onnxmltools (LightGBM)", model, {"input": sent}, answers)

    return make


def xgboost_case(booster, data, has_probabilities):
    def make():
        x, y = data
        fitted = booster.fit(x, y)
        model = onnxmltools.convert_xgboost(fitted, initial_types=types(x)).SerializeToString()
        sent = x[order]
        answers = [fitted.predict(sent), fitted.predict_proba(sent)] if has_probabilities else [fitted.predict(sent).reshape(-1, 1)]
        return case("onnxmltools (XGBoost)", model, {"input": sent}, answers, tolerance=1e-3)

    return make


def catboost_case(booster, data, has_probabilities):
    def make():
        x, y = data
        fitted = booster.fit(x, y)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            fitted.save_model(path, format="onnx")
            with open(path, "rb") as file:
                model = file.read()
        sent = x[order]
        predicted = fitted.predict(sent)
        answers = [predicted.reshape(-1), fitted.predict_proba(sent)] if has_probabilities else [predicted.reshape(-1, 1)]
        return case("CatBoost", model, {"features": sent}, answers)

    return make


def cases():
    light = {"n_estimators": 20, "num_leaves": 7, "verbose": -1, "min_child_samples": 5}
    extreme = {"n_estimators": 20, "max_depth": 3}
    cat = {"iterations": 20, "depth": 3, "verbose": False, "allow_writing_files": False}
    return {
        "lightgbm-binary": lightgbm_case(lightgbm.LGBMClassifier(**light), cancer, True),
        "lightgbm-classes": lightgbm_case(lightgbm.LGBMClassifier(**light), wine, True),
        "lightgbm-classes-tensor": lightgbm_case(lightgbm.LGBMClassifier(**light), wine, True, zipmap=False),
        "lightgbm-regressor": lightgbm_case(lightgbm.LGBMRegressor(**light), sick, False),
        "xgboost-binary": xgboost_case(xgboost.XGBClassifier(**extreme), cancer, True),
        "xgboost-classes": xgboost_case(xgboost.XGBClassifier(**extreme), wine, True),
        "xgboost-regressor": xgboost_case(xgboost.XGBRegressor(**extreme), sick, False),
        "catboost-binary": catboost_case(catboost.CatBoostClassifier(**cat), cancer, True),
        "catboost-classes": catboost_case(catboost.CatBoostClassifier(**cat), wine, True),
        "catboost-regressor": catboost_case(catboost.CatBoostRegressor(**cat), sick, False),
    }
