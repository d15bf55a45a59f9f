"""Opening ONNX files: external data is refused wherever it hides, and metadata is bounded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import GraphProto, ModelProto, TensorProto, checker, helper, numpy_helper

from kerascnn.errors import DamagedFileError, MismatchError, UnsafeFileError, UsageError
from kerascnn.exporting.formats import FORMATS
from kerascnn.runtimes import metadata, onnx

IMAGE = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 2, 4, 3])
SCORES = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 24])


def graph(*, softmax: bool = False) -> GraphProto:
    """Returns a graph that flattens images."""
    nodes = [helper.make_node("Flatten", ["image"], ["flat" if softmax else "scores"], axis=1)]
    if softmax:
        nodes += [
            helper.make_node("Softmax", ["flat"], ["shares"]),
            helper.make_node("Identity", ["shares"], ["scores"]),
        ]
    return helper.make_graph(nodes, "g", [IMAGE], [SCORES])


def saved(path: Path, content: GraphProto, **entries: str) -> Path:
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(content, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, entries)
    path.write_bytes(model.SerializeToString())
    return path


def external(name: str) -> TensorProto:
    """Returns a tensor whose values lie in another file."""
    tensor = numpy_helper.from_array(np.zeros(3, "float32"), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/hostname")
    return tensor


def in_initializer(model: ModelProto) -> None:
    model.graph.initializer.append(external("w"))


def in_constant(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["w"], value=external("w")))


def in_subgraph(model: ModelProto) -> None:
    """Two levels deep, where only a walk through attributes finds it."""
    inner = helper.make_graph([], "inner", [], [], [external("w")])
    middle = helper.make_graph(
        [helper.make_node("If", ["c"], ["d"], then_branch=inner, else_branch=GraphProto())],
        "middle", [], [],
    )  # fmt: skip
    model.graph.node.append(
        helper.make_node("If", ["c"], ["d"], then_branch=GraphProto(), else_branch=middle)
    )


def in_function(model: ModelProto) -> None:
    constant = helper.make_node("Constant", [], ["w"], value=external("w"))
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("own", "f", [], ["w"], [constant], opsets))


def in_sparse_initializer(model: ModelProto) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(external("w"))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.arange(3), "i"))


@pytest.mark.parametrize(
    "hide", [in_initializer, in_constant, in_subgraph, in_function, in_sparse_initializer]
)
def test_weights_in_other_files_are_refused_everywhere(hide, tmp_path):
    path = saved(tmp_path / "m.onnx", graph())
    model = ModelProto.FromString(path.read_bytes())
    hide(model)
    path.write_bytes(model.SerializeToString())
    for use in (
        onnx.open_artifact,
        onnx.read_metadata,
        FORMATS["onnx"].open_artifact,
        FORMATS["onnx-int8"].read_metadata,
    ):
        with pytest.raises(UnsafeFileError, match=r"m\.onnx keeps its weights in other files"):
            use(path)


def test_an_artifact_takes_and_gives_the_channels_last(tmp_path):
    images = np.random.default_rng(0).normal(size=(5, 4, 3, 2)).astype("float32")
    path = saved(tmp_path / "m.onnx", graph(), input='{"layout": "nchw"}')
    artifact = onnx.open_artifact(path)
    assert (artifact.layout, artifact.input_shape, artifact.dtype) == ("nchw", (2, 4, 3), "float32")
    np.testing.assert_array_equal(artifact(images), np.moveaxis(images, -1, 1).reshape(5, -1))
    unknown = onnx.open_artifact(saved(tmp_path / "m.onnx", graph()))
    assert unknown.layout is None
    first = np.moveaxis(images, -1, 1)
    np.testing.assert_array_equal(unknown(first), first.reshape(5, -1))


def test_the_logits_are_what_a_softmax_reads(tmp_path):
    path = saved(tmp_path / "m.onnx", graph(softmax=True))
    checker.check_model(ModelProto.FromString(path.read_bytes()))
    images = np.random.default_rng(0).normal(size=(2, 2, 4, 3)).astype("float32")
    plain, logits = onnx.open_artifact(path), onnx.open_artifact(path, before_softmax=True)
    assert (plain.logits, logits.logits) == (None, True)
    np.testing.assert_array_equal(logits(images), images.reshape(2, -1))
    np.testing.assert_allclose(plain(images).sum(axis=1), 1, rtol=1e-5)


def test_metadata_is_filtered_and_bounded(tmp_path, monkeypatch):
    names = json.dumps(["a", "b"])
    path = saved(tmp_path / "m.onnx", graph(), class_names=names, author="{not JSON")
    assert onnx.read_metadata(path) == {"class_names": ["a", "b"]}
    path = saved(tmp_path / "m.onnx", graph(), class_names="[1,")
    with pytest.raises(DamagedFileError, match=r"metadata of .*m\.onnx is damaged"):
        onnx.open_artifact(path)
    path = saved(tmp_path / "m.onnx", graph(), class_names="[" * 100_000)
    with pytest.raises(DamagedFileError):
        onnx.read_metadata(path)
    monkeypatch.setattr(metadata, "LARGEST_METADATA", len(names) - 1)
    path = saved(tmp_path / "m.onnx", graph(), class_names=names)
    with pytest.raises(DamagedFileError, match="10 bytes; at most 9 are accepted"):
        onnx.open_artifact(path)


def test_what_no_runtime_takes_is_refused(tmp_path):
    path = saved(tmp_path / "m.onnx", graph())
    with pytest.raises(UsageError, match="litert reads no ONNX file"):
        onnx.open_artifact(path, runtime="litert")
    flat = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 24])
    nodes = [helper.make_node("Identity", ["image"], ["scores"])]
    path = saved(tmp_path / "m.onnx", helper.make_graph(nodes, "g", [flat], [SCORES]))
    with pytest.raises(MismatchError, match="must take one batch of images"):
        onnx.open_artifact(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DamagedFileError, match="no complete ONNX file"):
        onnx.open_artifact(path)
