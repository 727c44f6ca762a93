"""What the server says of itself, and how models come and go."""

import numpy as np
import pytest
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException


def as_json(peer):
    return {} if peer.transport == "http" else {"as_json": True}


def test_health(peer):
    assert peer.client.is_server_live()
    assert peer.client.is_server_ready()
    assert peer.client.is_model_ready("add-one")
    assert peer.client.is_model_ready("add-one", "1")
    assert not peer.client.is_model_ready("add-one", "9")
    assert not peer.client.is_model_ready("nobody")


def test_server_metadata(peer):
    found = peer.client.get_server_metadata(**as_json(peer))
    assert found["name"] == "penstock"
    assert "statistics" in found["extensions"]
    assert "binary_tensor_data" in found["extensions"]


def test_metadata_and_config_agree(peer):
    metadata = peer.metadata("add-one")
    config = peer.client.get_model_config("add-one", **as_json(peer))
    config = config.get("config", config)
    assert [int(dim) for dim in metadata["inputs"][0]["shape"]] == [-1, 3]
    assert config["max_batch_size"] > 1
    assert [int(dim) for dim in config["input"][0]["dims"]] == [3]
    assert config["input"][0]["data_type"] == "TYPE_FP32"
    assert {field["name"] for field in config["output"]} == {field["name"] for field in metadata["outputs"]}


def test_a_model_without_rows(peer):
    config = peer.client.get_model_config("sum-rows", **as_json(peer))
    config = config.get("config", config)
    assert config.get("max_batch_size", 0) == 0


def test_unknown_models_have_no_metadata(peer):
    for ask in (peer.client.get_model_metadata, peer.client.get_model_config, peer.client.get_inference_statistics):
        with pytest.raises(InferenceServerException, match="unknown model"):
            ask("nobody")


def statistics(peer, model, version=""):
    found = peer.client.get_inference_statistics(model, version, **as_json(peer))
    return found["model_stats"]


def counted(entry, name):
    return int(entry["inference_stats"].get(name, {}).get("count", 0))


def test_statistics_are_there_when_the_answer_is(peer):
    model = "times-two"
    name, _ = peer.names(model)
    shape = [int(dim) for dim in peer.metadata(model)["inputs"][0]["shape"]]
    rows = np.ones([4] + [1 if dim < 0 else dim for dim in shape[1:]], np.float32)
    peer.client.infer(model, [peer.input(name, rows)])
    for _ in range(50):
        before = statistics(peer, model, "1")[0]
        peer.client.infer(model, [peer.input(name, rows)])
        after = statistics(peer, model, "1")[0]
        for count in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
            assert counted(after, count) == counted(before, count) + 1
        assert int(after["inference_count"]) == int(before["inference_count"]) + 4
        assert int(after["execution_count"]) == int(before["execution_count"]) + 1
    assert {int(each["batch_size"]) for each in after["batch_stats"]} == {4}
    assert sum(int(each["compute_infer"]["count"]) for each in after["batch_stats"]) == int(after["execution_count"])
    assert int(after["last_inference"]) > 1_600_000_000_000


def test_statistics_of_everything(peer):
    assert {"add-one", "by-region"} <= {entry["name"] for entry in statistics(peer, "")}


def test_statistics_of_each_version(peer):
    assert [entry["version"] for entry in statistics(peer, "constant")] == ["1", "2"]


def index(peer):
    found = peer.client.get_model_repository_index(**as_json(peer))
    entries = found if peer.transport == "http" else found.get("models", [])
    return {(entry["name"], entry["version"]): entry["state"] for entry in entries}


def test_models_are_unloaded_and_loaded(peer):
    name, _ = peer.names("add-one-more-features")
    assert index(peer)["add-one-more-features", "1"] == "READY"
    peer.client.unload_model("add-one-more-features")
    assert not peer.client.is_model_ready("add-one-more-features")
    assert index(peer)["add-one-more-features", "1"] == "UNAVAILABLE"
    with pytest.raises(InferenceServerException, match="not at ready state"):
        peer.metadata("add-one-more-features")
    peer.client.load_model("add-one-more-features")
    assert peer.client.is_model_ready("add-one-more-features")
    assert peer.names("add-one-more-features")[0] == name


def test_pipelines_are_undeployed_and_deployed(peer):
    peer.client.unload_model("chain")
    assert not peer.client.is_model_ready("chain")
    peer.client.load_model("chain")
    assert peer.client.is_model_ready("chain")


def test_what_cannot_be_loaded(peer):
    with pytest.raises(InferenceServerException, match="unknown model"):
        peer.client.load_model("nobody")
    with pytest.raises(InferenceServerException, match="immutable"):
        peer.client.load_model("add-one", config="{}", files={"file:1/model.onnx": b"x"})


def test_system_shared_memory(peer):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    name, output = peer.names("add-one")
    sent = shm.create_shared_memory_region("sent", f"/penstock-sent-{peer.transport}", array.nbytes)
    received = shm.create_shared_memory_region("received", f"/penstock-received-{peer.transport}", array.nbytes)
    try:
        shm.set_shared_memory_region(sent, [array])
        peer.client.unregister_system_shared_memory()
        peer.client.register_system_shared_memory("sent", f"/penstock-sent-{peer.transport}", array.nbytes)
        peer.client.register_system_shared_memory("received", f"/penstock-received-{peer.transport}", array.nbytes)
        tensor = peer.module.InferInput(name, [2, 3], "FP32")
        tensor.set_shared_memory("sent", array.nbytes)
        wish = peer.output(output, False) if peer.transport == "http" else peer.output(output)
        wish.set_shared_memory("received", array.nbytes)
        peer.client.infer("add-one", [tensor], outputs=[wish])
        assert (shm.get_contents_as_numpy(received, np.float32, [2, 3]) == array + 1).all()
        status = peer.client.get_system_shared_memory_status(**as_json(peer))
        assert len(status if peer.transport == "http" else status["regions"]) == 2
        tensor.set_shared_memory("sent", array.nbytes, offset=8)
        with pytest.raises(InferenceServerException, match="shared memory"):
            peer.client.infer("add-one", [tensor])
    finally:
        peer.client.unregister_system_shared_memory()
        shm.destroy_shared_memory_region(sent)
        shm.destroy_shared_memory_region(received)


def test_shared_memory_keys_cannot_leave_their_directory(peer):
    for key in ("/../etc/passwd", "/no-such-region", "..", "/a/b"):
        with pytest.raises(InferenceServerException):
            peer.client.register_system_shared_memory("bad", key, 16)
