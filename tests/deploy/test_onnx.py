"""ONNX models: what onnxruntime and ONNX's own reference compute, how kernels are stored, and what damage does."""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from deploy.policies import KINDS, observations_of, policy_of
from sparserl.deploy import formats
from sparserl.deploy import onnx as ours
from sparserl.deploy.contract import as_json
from sparserl.deploy.onnx import loading
from sparserl.deploy.onnx.model import IR_VERSION, OPSET, model_of, sealed
from sparserl.deploy.steps import weighted
from sparserl.deploy.verification import Mismatch, compare
from sparserl.types import UserError


@pytest.mark.parametrize("name", KINDS)
def test_models_act_as_the_policy_does(name, tmp_path):
    policy = policy_of(KINDS[name])
    observations = observations_of(policy, 64)
    for weights in ("auto", "sparse", "dense"):
        ours.write(policy, tmp_path / "policy.onnx", weights)
        loaded = ours.opened(tmp_path / "policy.onnx")
        verified = compare(policy, loaded, observations)
        assert verified.num_observations == 64
        assert verified.action_agreement == 1.0
        assert str(loaded.act(observations).dtype) == policy.contract.action.dtype
        assert loaded.act(observations[:1]).shape == policy.act(observations[:1]).shape


@pytest.mark.parametrize("name", KINDS)
def test_another_consumer_computes_the_same(name):
    policy = policy_of(KINDS[name])
    observations = observations_of(policy, 5)
    model = model_of(policy, "dense")
    onnx.checker.check_model(model, full_check=True)
    outputs, action = ReferenceEvaluator(model).run(["outputs", "action"], {"observation": observations})
    np.testing.assert_allclose(outputs, policy.outputs(observations), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(action, policy.act(observations), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "resnet"])
def test_sparse_kernels_hold_the_same_numbers(name):
    policy = policy_of(KINDS[name])
    dense = kernels(model_of(policy, "dense"))
    assert {key for key, (form, _) in dense.items() if form != "dense"} == set()
    for weights, form in (("auto", "constant"), ("sparse", "initializer")):
        model = model_of(policy, weights)
        onnx.checker.check_model(model, full_check=weights == "auto")
        stored = kernels(model)
        assert {form for form, _ in stored.values()} == ({form} if weights == "sparse" else {form, "dense"})
        for key, (_, kernel) in stored.items():
            np.testing.assert_array_equal(kernel, dense[key][1])


def test_each_kernel_takes_the_smaller_form():
    size = lambda weights, density: len(sealed(model_of(policy_of(KINDS["mlp"], density), weights)))
    for density in (0.02, 0.2, 0.9):
        assert size("auto", density) <= size("dense", density)
    assert size("auto", 0.9) == size("dense", 0.9)  # nothing is gained there
    assert size("auto", 0.2) < size("sparse", 0.2) + 100 < size("dense", 0.2)
    assert size("auto", 0.02) < size("sparse", 0.02) < size("dense", 0.02)  # the last layer is dense
    assert size("dense", 0.02) == size("dense", 0.9)


def test_a_layer_without_live_weights():
    policy = policy_of(KINDS["cnn"], 0.0)
    for weights in ("auto", "sparse"):
        loaded = opened_again(model_of(policy, weights))
        assert compare(policy, loaded, observations_of(policy, 3)).largest_difference < 1e-6


def test_the_first_of_equal_outputs_is_chosen():
    policy = policy_of(KINDS["mlp"])
    *others, last = policy.steps
    equal = last._replace(kernel=0 * last.kernel, bias=np.float32([1, 2, 2]))
    equal = policy._replace(steps=(*others, equal))
    assert opened_again(model_of(equal, "auto")).act(np.zeros((2, 4))).tolist() == [1, 1]


def test_a_model_says_what_it_takes_and_answers():
    policy = policy_of(KINDS["cnn"])
    model = model_of(policy, "auto")
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(told["contract"]) == json.loads(json.dumps(as_json(policy.contract)))
    assert "sparse file, dense memory" in told["memory"]
    assert model.producer_name == "sparserl"
    assert (model.ir_version, model.opset_import[0].version) == (IR_VERSION, OPSET)
    (observation,) = model.graph.input
    assert observation.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    sides = [side.dim_param or side.dim_value for side in observation.type.tensor_type.shape.dim]
    assert sides == ["batch", 11, 10, 2]
    assert [value.name for value in model.graph.output] == ["action", "outputs"]


@pytest.mark.parametrize("what", ["dense weight", "sparse weight", "index", "bias"])
def test_one_changed_number_fails_verification(what):
    """Sealed again after the change, so that only what it computes gives it away."""
    policy = policy_of(KINDS["mlp"])
    model = model_of(policy, "dense" if what == "dense weight" else "sparse")
    if what == "sparse weight":
        change(model.graph.sparse_initializer[1].values, 5, 1.01)
    elif what == "index":
        places = model.graph.sparse_initializer[1].indices.int64_data
        gap = int(np.flatnonzero(np.diff(places) > 1)[0])
        places[gap] += 1
    else:
        by_name = {tensor.name: tensor for tensor in model.graph.initializer}
        change(by_name["output.kernel" if what == "dense weight" else "output.bias"], 1, 1.01)
    with pytest.raises(Mismatch, match="for observation"):
        compare(policy, opened_again(model), observations_of(policy, 2_000))


def test_one_changed_byte_fails_verification(tmp_path):
    file = tmp_path / "policy.onnx"
    ours.write(policy_of(KINDS["mlp of a matrix"]), file)
    content = file.read_bytes()
    for place in range(0, len(content), 37):
        file.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        with pytest.raises(Mismatch, match="is damaged: it is not the model that was written"):
            ours.opened(file)
    for damaged in (b"", content[:-1], content[:100], b"no model"):
        file.write_bytes(damaged)
        with pytest.raises(Mismatch, match="is damaged"):
            ours.opened(file)


def test_a_name_that_is_no_text_is_damage_too(tmp_path, monkeypatch):
    """Where protobuf is its implementation in Python, as old versions of it are, a changed byte may show as this."""
    monkeypatch.setattr(loading, "is_whole", lambda content: bool(content.decode()))
    (tmp_path / "policy.onnx").write_bytes(b"\xa0")
    with pytest.raises(Mismatch, match="is damaged: it is not the model that was written"):
        ours.opened(tmp_path / "policy.onnx")


def test_another_policy_in_the_file_is_refused(tmp_path):
    policy, file = policy_of(KINDS["resnet"]), tmp_path / formats.ONNX_FILE
    layer = weighted(policy.steps)[0]
    kernel = layer.kernel.copy()
    kernel.ravel()[np.flatnonzero(kernel)[0]] += 1e-6
    other = layer._replace(kernel=kernel)
    kind, choices = formats.FORMATS["onnx"], formats.Choices(onnx_weights="sparse")
    kind.write(policy, tmp_path, choices, observations_of(policy, 1))
    kind.opened(policy, tmp_path, choices)
    ours.write(policy._replace(steps=tuple(other if step is layer else step for step in policy.steps)), file, "sparse")
    with pytest.raises(Mismatch, match=r"policy\.onnx holds another model than the policy's"):
        kind.opened(policy, tmp_path, choices)


def test_a_missing_package_is_told_with_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(ours.util, "find_spec", lambda name: None if name == "onnxruntime" else name)
    for ask in (lambda: ours.write(policy_of(KINDS["mlp"]), tmp_path / "x.onnx"), lambda: ours.opened(tmp_path / "x")):
        with pytest.raises(UserError, match=r"^ONNX needs onnxruntime: pip install 'sparserl\[onnx\]'$"):
            ask()
    assert not list(tmp_path.iterdir())


def test_a_package_that_cannot_be_imported_is_told_in_one_line(monkeypatch):
    def broken(name):
        raise ImportError("libprotobuf.so: cannot open shared object file\nsecond line")

    monkeypatch.setattr(ours, "import_module", broken)
    told = r"^ONNX needs onnx, which is here and cannot be imported: libprotobuf\.so: .* file; pip install --force-rein"
    with pytest.raises(UserError, match=told) as caught:
        ours.require()
    assert "\n" not in str(caught.value)


def kernels(model):
    """Kernels by name: the form that each is stored in, and its entries."""
    found = {tensor.name: ("dense", numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
    found |= {sparse.values.name: ("initializer", densified(sparse)) for sparse in model.graph.sparse_initializer}
    constants = [node for node in model.graph.node if node.op_type == "Constant"]
    found |= {node.output[0]: ("constant", densified(node.attribute[0].sparse_tensor)) for node in constants}
    return {name: kernel for name, kernel in found.items() if name.endswith(".kernel")}


def densified(sparse):
    array = np.zeros(tuple(sparse.dims), np.float32)
    array.ravel()[numpy_helper.to_array(sparse.indices)] = numpy_helper.to_array(sparse.values)
    return array


def change(tensor, place, factor):
    array = numpy_helper.to_array(tensor).copy()
    array.ravel()[place] *= factor
    tensor.raw_data = array.tobytes()


def opened_again(model):
    """A model as its file is opened."""
    from sparserl.deploy.onnx.loading import loaded

    return loaded(sealed(model), "policy.onnx")
