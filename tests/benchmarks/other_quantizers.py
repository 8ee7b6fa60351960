"""What TFLite's converter and ai-edge-quantizer make of the same networks: writes other_quantizers.json.

    pip install . rich tensorflow==2.21.0 ai-edge-quantizer==0.10.0 ai-edge-litert==2.3.0    # in its own venv
    python tests/benchmarks/other_quantizers.py

`quantizers.py` prints what is written here beside mcuq's own figures, and needs none of these packages. The samples are
the same; LiteRT's reference kernels compute the answers of the quantized files, mcuq's interpreter the float ones.
Both tools need help to take the reference models at all:

- TFLite's converter takes no .tflite file; its calibrator and back-end, which are no public interface, do.
- ai-edge-quantizer wants a signature in the file and reads only the newer of two fields for an op's code; both are
  written into a copy of the file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):  # run as a program
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.quantizers import OTHERS, TASKS, Answers, Row, Task, answers, row_of

PACKAGES = ("tensorflow", "ai-edge-quantizer", "ai-edge-litert")
FILES = {"ic": "ic_resnet8_float", "kws": "kws_ref_float"}
SIGNATURE = "serving_default"
Array = np.ndarray[Any, Any]


def readable_file(content: bytes) -> bytes:
    """The file with its ops' codes in the newer field and one signature for its inputs and outputs."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    for code in model.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    graph, signature = model.subgraphs[0], schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs = [_tensor_map(schema, "input", index) for index in graph.inputs]
    signature.outputs = [_tensor_map(schema, "output", index) for index in graph.outputs]
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor_map(schema: Any, name: str, index: int) -> Any:
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, int(index)
    return made


def tflite(content: bytes, samples: Array, bits: int) -> bytes:
    """TFLite's own quantization with `bits` wide activations and int8 weights."""
    from tensorflow.lite.python import convert
    from tensorflow.lite.python.optimize.calibrator import Calibrator
    from tensorflow.python.framework import dtypes

    def feed() -> Iterator[list[Array]]:
        return ([sample[None]] for sample in samples)

    if bits == 16:
        int16 = dtypes.int16
        return bytes(Calibrator(content).calibrate_and_quantize(feed, int16, int16, False, int16, dtypes.int64))
    calibrated = Calibrator(content).calibrate(feed)
    return bytes(convert.mlir_quantize(calibrated, input_data_type=dtypes.int8, output_data_type=dtypes.int8))


def edge_static(content: bytes, samples: Array, bits: int) -> bytes:
    """ai-edge-quantizer's static recipe with int8 weights."""
    from ai_edge_quantizer import quantizer, recipe

    made = quantizer.Quantizer(bytearray(readable_file(content)))
    made.load_quantization_recipe(recipe.static_wi8_ai16() if bits == 16 else recipe.static_wi8_ai8())
    return _edge_quantized(made, samples)


def edge_int4(content: bytes, samples: Array, algorithm: str) -> bytes:
    """ai-edge-quantizer with int4 weights in convolution and fully connected layers (depthwise has none: int8)."""
    from ai_edge_quantizer import qtyping, quantizer, recipe

    made = quantizer.Quantizer(bytearray(readable_file(content)))
    made.load_quantization_recipe(recipe.static_wi8_ai8())
    activations = qtyping.TensorQuantizationConfig(num_bits=8, symmetric=False)
    weights = qtyping.TensorQuantizationConfig(num_bits=4, granularity=qtyping.QuantGranularity.CHANNELWISE)
    config = qtyping.OpQuantizationConfig(activations, weights, qtyping.ComputePrecision.INTEGER)
    for op in (qtyping.TFLOperationName.CONV_2D, qtyping.TFLOperationName.FULLY_CONNECTED):
        made.update_quantization_recipe(".*", op, config, algorithm)
    return _edge_quantized(made, samples)


def _edge_quantized(made: Any, samples: Array) -> bytes:
    ranges = made.calibrate({SIGNATURE: [{"input": sample[None]} for sample in samples]})
    return bytes(made.quantize(ranges).quantized_model)


MIN_MAX = "min_max_uniform_quantize"

# Name in the table -> how the file is made of the float file's bytes and the calibration samples.
TOOLS: dict[str, Callable[[bytes, Array], bytes]] = {
    "TFLite int8": lambda content, samples: tflite(content, samples, 8),
    "TFLite int16x8": lambda content, samples: tflite(content, samples, 16),
    "ai-edge-quantizer int8": lambda content, samples: edge_static(content, samples, 8),
    "ai-edge-quantizer int16x8": lambda content, samples: edge_static(content, samples, 16),
    "ai-edge-quantizer int4 (min-max)": lambda content, samples: edge_int4(
        content, samples, "min_max_uniform_quantize"
    ),
    "ai-edge-quantizer int4 (OCTAV)": lambda content, samples: edge_int4(content, samples, "OCTAV"),
    "ai-edge-quantizer int4 (MSE)": lambda content, samples: edge_int4(content, samples, "MSE"),
}


def file_answers(content: bytes, inputs: Array) -> Answers:
    """What LiteRT's reference kernels answer to real inputs."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    softmax = next(op for op in interpreter._get_ops_details() if op["op_name"] == "SOFTMAX")
    before = next(t for t in interpreter.get_tensor_details() if t["index"] == softmax["inputs"][0])
    logits, classes = [], []
    for sample in inputs:
        interpreter.set_tensor(source["index"], _stored(sample[None], source))
        interpreter.invoke()
        logits.append(_real(interpreter.get_tensor(before["index"]), before).ravel())
        classes.append(int(interpreter.get_tensor(result["index"]).argmax()))
    return Answers(np.stack(logits), np.array(classes))


def _stored(sample: Array, details: Any) -> Array:
    scale, zero_point = details["quantization"]
    if not scale:
        return sample.astype(details["dtype"])
    limits = np.iinfo(details["dtype"])
    return np.clip(np.rint(sample / scale) + zero_point, limits.min, limits.max).astype(details["dtype"])


def _real(values: Array, details: Any) -> Array:
    scale, zero_point = details["quantization"]
    return (values.astype(np.float64) - zero_point) * scale if scale else values.astype(np.float64)


def rows(zoo: Path) -> Iterator[Row]:
    """Every tool on both networks."""
    for name, file in FILES.items():
        task: Task = TASKS[name](zoo)
        content = (zoo / "models" / f"{file}.tflite").read_bytes()
        shape = task.graph.tensor(task.graph.inputs[0]).shape[1:]
        samples, inputs = (array.reshape(-1, *shape) for array in (task.calibration, task.inputs))
        reference = answers(task.graph, task.inputs)
        for tool, quantize in TOOLS.items():
            start = time.perf_counter()
            made = quantize(content, samples)
            seconds = time.perf_counter() - start
            row = row_of(task, tool, reference, file_answers(made, inputs), len(made), seconds)
            print(row, file=sys.stderr, flush=True)
            yield row


def main() -> None:
    """Measure everything and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--zoo", type=Path, default=os.environ.get("MCUQ_ZOO"), required="MCUQ_ZOO" not in os.environ)
    options = parser.parse_args()
    found = [asdict(row) for row in rows(Path(options.zoo))]
    versions = {package: version(package) for package in PACKAGES}
    date = datetime.now(timezone.utc).date().isoformat()
    document = {"date": date, "versions": versions, "rows": found}
    OTHERS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
