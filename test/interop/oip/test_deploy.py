"""deploy/ against the schemas of Kubernetes (kubernetes-validate has them) and of KServe (its SDK's generated models)."""

import importlib
import importlib.util
import inspect
import pathlib
import re
import sys
import types
import urllib.request

import kubernetes.client
import kubernetes_validate
import pytest
import yaml



def generated_models():
    """kserve.models alone: the package itself would bring descriptors that tritonclient's do not bear beside them."""
    package = types.ModuleType("kserve")
    package.__path__ = list(importlib.util.find_spec("kserve").submodule_search_locations)
    sys.modules["kserve"] = package
    return importlib.import_module("kserve.models")


KSERVE = generated_models()
DEPLOY = pathlib.Path(__file__).parents[3] / "deploy"


def documents(*parts):
    return list(yaml.safe_load_all(DEPLOY.joinpath(*parts).read_text()))


PLAIN = documents("kubernetes", "penstock.yaml")


@pytest.mark.parametrize("document", PLAIN, ids=[document["kind"] for document in PLAIN])
def test_plain_manifests_fit_kubernetes(document):
    kubernetes_validate.validate(document, "1.33", strict=True)


def test_a_wrong_manifest_would_be_found():
    broken = {**PLAIN[1], "spec": {**PLAIN[1]["spec"], "replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.33", strict=True)


def model_of(kind):
    """The generated class of a type's name, KServe's before Kubernetes' own."""
    name = re.sub(r"\W", "", kind)
    return getattr(KSERVE, name, None) or getattr(kubernetes.client, name, None)


def check(value, kind, where):
    """Every key is a member of its class, every list a list, every number a number, as deep as there are classes."""
    if kind.startswith("list["):
        assert isinstance(value, list), where
        for index, each in enumerate(value):
            check(each, kind[5:-1], f"{where}[{index}]")
        return
    if kind.startswith("dict("):
        assert isinstance(value, dict), where
        return
    simple = {"str": str, "int": int, "bool": bool, "float": (int, float)}.get(kind)
    if simple is not None:
        assert isinstance(value, simple), f"{where}: {value!r} is no {kind}"
        return
    model = model_of(kind)
    if model is None or not hasattr(model, "openapi_types"):
        return
    assert isinstance(value, dict), where
    members = {model.attribute_map[name]: each for name, each in model.openapi_types.items()}
    unknown = set(value) - set(members)
    assert not unknown, f"{where} has no {', '.join(sorted(unknown))}"
    for key, each in value.items():
        check(each, members[key], f"{where}.{key}")


@pytest.mark.parametrize(
    "file,kind,api",
    [
        ("serving-runtime.yaml", "V1alpha1ServingRuntime", "serving.kserve.io/v1alpha1"),
        ("inference-service.yaml", "V1beta1InferenceService", "serving.kserve.io/v1beta1"),
    ],
)
def test_kserve_manifests_fit_kserve(file, kind, api):
    (document,) = documents("kserve", file)
    assert document["apiVersion"] == api
    assert kind.endswith(document["kind"])
    assert inspect.isclass(model_of(kind))
    check(document, kind, document["kind"])


def test_a_wrong_kserve_manifest_would_be_found():
    (document,) = documents("kserve", "serving-runtime.yaml")
    document["spec"]["containers"][0]["prots"] = []
    with pytest.raises(AssertionError, match="prots"):
        check(document, "V1alpha1ServingRuntime", "ServingRuntime")


def test_containers_are_not_root_and_write_nowhere_else():
    (runtime,) = documents("kserve", "serving-runtime.yaml")
    stateful = next(document for document in PLAIN if document["kind"] == "StatefulSet")
    for container in (runtime["spec"]["containers"][0], stateful["spec"]["template"]["spec"]["containers"][0]):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
    dockerfile = DEPLOY.joinpath("Dockerfile").read_text()
    assert re.search(r"^USER 65532", dockerfile, re.M) and "HEALTHCHECK" in dockerfile


def test_the_autoscaler_follows_a_metric_that_there_is(http):
    scaler = next(document for document in PLAIN if document["kind"] == "HorizontalPodAutoscaler")
    name = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]
    with urllib.request.urlopen(f"http://{http.address}/metrics") as answer:
        assert f"\n{name}{{" in answer.read().decode()
