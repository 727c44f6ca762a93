"""scikit-learn, by skl2onnx: with its defaults (labels and a ZipMap of probabilities), as most people call it."""

import warnings

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    datasets,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    mixture,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

from exported import ROWS, case

warnings.filterwarnings("ignore")
TOOL = "skl2onnx"

# Values that float32 holds: else the trainer, in float64, and the graph would stand on different sides of a threshold.
wine_x, wine_y = datasets.load_wine(return_X_y=True)
wine_x = wine_x.astype(np.float32)
cancer_x, cancer_y = datasets.load_breast_cancer(return_X_y=True)
cancer_x = cancer_x[:, :8].astype(np.float32)
sick_x, sick_y = datasets.load_diabetes(return_X_y=True)
sick_x = sick_x.astype(np.float32)
order = np.random.default_rng(7).permutation(len(wine_x))[:ROWS]


def holes(x, seed=3, share=0.15):
    """With missing values, each row another pattern."""
    missing = x.copy()
    missing[np.random.default_rng(seed).random(x.shape) < share] = np.nan
    return missing


def classifier(estimator, x=wine_x, y=wine_y, has_probabilities=True, **more):
    def make():
        names = np.array(["barolo", "grignolino", "barbera"])[y] if more.pop("is_named", False) else y
        fitted = pipeline.make_pipeline(preprocessing.StandardScaler(), estimator).fit(x, names)
        model = to_onnx(fitted, x[:1]).SerializeToString()
        sent = x[order]
        probabilities = fitted.predict_proba(sent) if has_probabilities else None
        return case(TOOL, model, {"X": sent}, [fitted.predict(sent), probabilities], **more)

    return make


def bare(estimator, x, y=None, answer=lambda fitted, sent: [fitted.predict(sent)], opset=None, **more):
    def make():
        fitted = estimator.fit(x, y)
        model = to_onnx(fitted, x[:1], target_opset=opset).SerializeToString()
        sent = x[order % len(x)]
        return case(TOOL, model, {"X": sent}, answer(fitted, sent), **more)

    return make


def regressor(estimator, x=sick_x, y=sick_y, **more):
    return bare(estimator, x, y, lambda fitted, sent: [np.reshape(fitted.predict(sent), (len(sent), -1))], **more)


def transformer(estimator, x=wine_x, **more):
    return bare(estimator, x, wine_y[: len(x)], lambda fitted, sent: [fitted.transform(sent)], **more)


def both(fitted, sent):
    return [fitted.predict(sent), fitted.predict_proba(sent)]


def many_targets():
    targets = np.stack([wine_y, (wine_y + 1) % 3, wine_y % 2], axis=1)
    fitted = multioutput.MultiOutputClassifier(tree.DecisionTreeClassifier(max_depth=4, random_state=0)).fit(wine_x, targets)
    model = to_onnx(fitted, wine_x[:1]).SerializeToString()
    # The second output is a sequence of maps a target; what it becomes is checked by the server's own tests.
    return case(TOOL, model, {"X": wine_x[order]}, [fitted.predict(wine_x[order]), None])


def passengers():
    """One input a column, strings and numbers with missing values among them."""
    random = np.random.default_rng(11)
    count = 400
    sex = random.choice(["male", "female"], count)
    port = random.choice(["S", "C", "Q"], count)
    numbers = np.round(np.stack([random.uniform(1, 80, count), random.uniform(5, 200, count)], 1), 1).astype(np.float32)
    survived = ((sex == "female") ^ (numbers[:, 1] > 150)).astype(int)
    import pandas

    frame = pandas.DataFrame({"sex": sex, "port": port, "age": numbers[:, 0], "fare": numbers[:, 1]})
    frame.loc[random.random(count) < 0.2, "age"] = np.nan
    mixed = compose.ColumnTransformer(
        [
            ("text", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["sex", "port"]),
            ("number", pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()), ["age", "fare"]),
        ]
    )
    fitted = pipeline.make_pipeline(mixed, linear_model.LogisticRegression()).fit(frame, survived)
    types = [(name, StringTensorType([None, 1])) for name in ("sex", "port")]
    types += [(name, FloatTensorType([None, 1])) for name in ("age", "fare")]
    model = to_onnx(fitted, initial_types=types).SerializeToString()
    sent = frame.iloc[:ROWS]
    return case(TOOL, model, {name: sent[name].to_numpy().reshape(-1, 1) for name in frame}, both(fitted, sent))


def encoder(estimator):
    def make():
        random = np.random.default_rng(5)
        x = np.stack([random.choice(["a", "b", "c"], 100), random.choice(["left", "right"], 100)], 1).astype(object)
        fitted = estimator.fit(x)
        model = to_onnx(fitted, initial_types=[("X", StringTensorType([None, 2]))]).SerializeToString()
        answer = fitted.transform(x[:ROWS])
        return case(TOOL, model, {"X": x[:ROWS].astype(str)}, [answer.toarray() if hasattr(answer, "toarray") else answer])

    return make


def cases():
    scaled = preprocessing.StandardScaler().fit_transform(wine_x).astype(np.float32)
    small = {"random_state": 0}
    return {
        "sk-logistic-regression": classifier(linear_model.LogisticRegression(max_iter=500)),
        "sk-logistic-regression-named": classifier(linear_model.LogisticRegression(max_iter=500), is_named=True),
        "sk-sgd-classifier": classifier(linear_model.SGDClassifier(loss="log_loss", **small)),
        "sk-perceptron": classifier(linear_model.Perceptron(**small), has_probabilities=False),
        "sk-ridge-classifier": classifier(linear_model.RidgeClassifier(), has_probabilities=False),
        "sk-linear-svc": bare(svm.LinearSVC(**small), wine_x, wine_y),
        "sk-svc": classifier(svm.SVC(), has_probabilities=False),
        "sk-nu-svc": classifier(svm.NuSVC(), has_probabilities=False),
        "sk-k-neighbors": classifier(neighbors.KNeighborsClassifier(5)),
        "sk-gaussian-nb": classifier(naive_bayes.GaussianNB()),
        "sk-bernoulli-nb": classifier(naive_bayes.BernoulliNB()),
        "sk-multinomial-nb": bare(naive_bayes.MultinomialNB(), wine_x, wine_y, both),
        "sk-complement-nb": bare(naive_bayes.ComplementNB(), wine_x, wine_y, both),
        "sk-decision-tree": bare(tree.DecisionTreeClassifier(**small), wine_x, wine_y, both),
        "sk-extra-tree": bare(tree.ExtraTreeClassifier(**small), wine_x, wine_y, both),
        "sk-random-forest": bare(ensemble.RandomForestClassifier(30, **small), wine_x, wine_y, both),
        "sk-extra-trees": bare(ensemble.ExtraTreesClassifier(30, **small), wine_x, wine_y, both),
        "sk-gradient-boosting": bare(ensemble.GradientBoostingClassifier(n_estimators=20, **small), wine_x, wine_y, both),
        "sk-hist-gradient-boosting": bare(
            ensemble.HistGradientBoostingClassifier(max_iter=20, **small), holes(wine_x), wine_y, both
        ),
        "sk-ada-boost": bare(ensemble.AdaBoostClassifier(n_estimators=10, **small), wine_x, wine_y, both),
        "sk-bagging": bare(ensemble.BaggingClassifier(n_estimators=5, **small), wine_x, wine_y, both),
        "sk-voting": classifier(
            ensemble.VotingClassifier(
                [("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())],
                voting="soft",
                flatten_transform=False,
            )
        ),
        "sk-stacking": classifier(
            ensemble.StackingClassifier([("a", tree.DecisionTreeClassifier(max_depth=3)), ("b", naive_bayes.GaussianNB())])
        ),
        "sk-mlp": classifier(neural_network.MLPClassifier(hidden_layer_sizes=(16,), max_iter=400, **small)),
        "sk-lda": classifier(discriminant_analysis.LinearDiscriminantAnalysis()),
        "sk-calibrated": classifier(calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=3)),
        "sk-one-vs-rest": classifier(multiclass.OneVsRestClassifier(linear_model.LogisticRegression())),
        "sk-multi-output": many_targets,
        "sk-columns": passengers,
        "sk-linear-regression": regressor(linear_model.LinearRegression()),
        "sk-ridge": regressor(linear_model.Ridge()),
        "sk-lasso": regressor(linear_model.Lasso(alpha=0.1)),
        "sk-elastic-net": regressor(linear_model.ElasticNet(alpha=0.1)),
        "sk-huber": regressor(linear_model.HuberRegressor(max_iter=1000)),
        "sk-bayesian-ridge": regressor(linear_model.BayesianRidge()),
        "sk-poisson": regressor(linear_model.PoissonRegressor()),
        "sk-svr": regressor(svm.SVR(C=100.0)),
        "sk-k-neighbors-regressor": regressor(neighbors.KNeighborsRegressor(5)),
        "sk-decision-tree-regressor": regressor(tree.DecisionTreeRegressor(**small)),
        "sk-random-forest-regressor": regressor(ensemble.RandomForestRegressor(30, **small)),
        "sk-gradient-boosting-regressor": regressor(ensemble.GradientBoostingRegressor(n_estimators=20, **small)),
        "sk-hist-gradient-boosting-regressor": regressor(
            ensemble.HistGradientBoostingRegressor(max_iter=20, **small), holes(sick_x)
        ),
        "sk-ada-boost-regressor": regressor(ensemble.AdaBoostRegressor(n_estimators=10, **small)),
        "sk-mlp-regressor": regressor(neural_network.MLPRegressor(hidden_layer_sizes=(16,), max_iter=300, **small)),
        "sk-gaussian-process-regressor": regressor(
            gaussian_process.GaussianProcessRegressor(alpha=1.0), sick_x[:60], sick_y[:60], tolerance=1e-2
        ),
        "sk-pls": regressor(cross_decomposition.PLSRegression(3)),
        "sk-standard-scaler": transformer(preprocessing.StandardScaler()),
        "sk-min-max-scaler": transformer(preprocessing.MinMaxScaler()),
        "sk-robust-scaler": transformer(preprocessing.RobustScaler()),
        "sk-max-abs-scaler": transformer(preprocessing.MaxAbsScaler()),
        "sk-normalizer": transformer(preprocessing.Normalizer()),
        "sk-binarizer": transformer(preprocessing.Binarizer(threshold=2.0)),
        "sk-polynomial-features": transformer(preprocessing.PolynomialFeatures(2)),
        "sk-bins": transformer(preprocessing.KBinsDiscretizer(4, encode="ordinal")),
        "sk-power-transformer": transformer(preprocessing.PowerTransformer(), tolerance=1e-3),
        "sk-pca": transformer(decomposition.PCA(4), x=scaled, tolerance=1e-3),
        "sk-truncated-svd": transformer(decomposition.TruncatedSVD(4, **small), x=scaled, tolerance=1e-3),
        "sk-simple-imputer": transformer(impute.SimpleImputer(), x=holes(wine_x)),
        "sk-variance-threshold": transformer(feature_selection.VarianceThreshold(0.5)),
        "sk-select-k-best": transformer(feature_selection.SelectKBest(k=5)),
        "sk-one-hot": encoder(preprocessing.OneHotEncoder()),
        "sk-ordinal": encoder(preprocessing.OrdinalEncoder()),
        "sk-k-means": bare(
            cluster.KMeans(3, n_init=3, **small), scaled, None, lambda f, sent: [f.predict(sent), f.transform(sent)], tolerance=1e-3
        ),
        "sk-isolation-forest": bare(
            ensemble.IsolationForest(n_estimators=20, **small), scaled, None, lambda f, sent: [f.predict(sent), f.decision_function(sent)],
            opset={"": 18, "ai.onnx.ml": 3}
        ),
        "sk-one-class-svm": bare(
            svm.OneClassSVM(), scaled, None, lambda f, sent: [f.predict(sent), f.decision_function(sent)], tolerance=1e-3
        ),
        "sk-gaussian-mixture": bare(mixture.GaussianMixture(3, **small), scaled, None, both, tolerance=1e-3),
    }
