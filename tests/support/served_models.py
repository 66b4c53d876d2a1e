"""Model servers that others wrote, as processes of their own: transformers' and llama.cpp's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gguf
import httpx
import numpy as np

from tests.support.service import free_port, wait_until

UP_SECONDS = 120
_LLAMA_CPP = """
import signal, sys, xllamacpp
options = xllamacpp.CommonParams()
options.model.path, options.port = sys.argv[1], int(sys.argv[2])
options.hostnames, options.model_alias, options.n_ctx, options.n_parallel = ["127.0.0.1"], {"toy"}, 512, 1
options.cpuparams.n_threads = options.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(options)
signal.pause()
"""


@contextmanager
def transformers_server(log: Path) -> Iterator[str]:
    """`transformers serve`: the URL up to `/v1`. It loads whatever folder a request names as its model."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "transformers.cli.transformers",
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    hub = log.with_suffix(".hub")  # it fails to list its models where there is no cache of the hub's
    hub.mkdir()
    with _running(command, f"http://127.0.0.1:{port}/health", log, HF_HUB_CACHE=str(hub), HF_HUB_OFFLINE="1"):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def llama_cpp_server(folder: Path) -> Iterator[str]:
    """llama.cpp's server with a toy language model that takes no pictures, called `toy`: the URL up to `/v1`."""
    port, model = free_port(), folder / "toy.gguf"
    write_toy_gguf(model)
    command = [sys.executable, "-c", _LLAMA_CPP, str(model), str(port)]
    with _running(command, f"http://127.0.0.1:{port}/health", folder / "llama.log"):
        yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def _running(command: list[str], health: str, log: Path, **environment: str) -> Iterator[None]:
    """A process, from when it answers until the block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **environment})

    def up() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            return httpx.get(health, timeout=2).is_success
        except httpx.TransportError:
            return False

    try:
        wait_until(up, UP_SECONDS, f"{health} answers")
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def write_toy_gguf(path: Path) -> None:
    """A llama of one layer with random weights, whose tokens are bytes."""
    hidden, inner, heads, context = 32, 64, 2, 512
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    unknown, control, byte = 2, 3, 6  # of llama.cpp's kinds of tokens
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(context)
    writer.add_embedding_length(hidden)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(hidden // heads)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([unknown, control, control, *[byte] * 256])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template("{% for message in messages %}{{ message.content }}{% endfor %}")
    random = np.random.default_rng(0)
    shapes = {
        "token_embd": (len(tokens), hidden),
        "output": (len(tokens), hidden),
        **{f"blk.0.attn_{name}": (hidden, hidden) for name in ("q", "k", "v", "output")},
        **{f"blk.0.ffn_{name}": (inner, hidden) for name in ("gate", "up")},
        "blk.0.ffn_down": (hidden, inner),
    }
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", (0.1 * random.standard_normal(shape)).astype(np.float32))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(hidden, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
