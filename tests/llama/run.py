#!/usr/bin/env python3
"""Runs the command against llama.cpp's own server, to test its protocol, streams and JSON schema.

Uses a model with random weights and bytes as tokens. The model writes nonsense that matches the schema, and the guard must
reject it. `make llama-test` installs the packages and builds the command.

    run.py BESPOKE            with the random model
    run.py BESPOKE FILE.gguf  with a model of your own
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy
import xllamacpp

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS, WIDTH, HEADS, INNER, CONTEXT = 1, 64, 4, 128, 16384
# Only ASCII bytes are tokens, so that the output is valid text.
BYTES = 128
# The character that the tokenizer uses for a space.
BLANK = "\u2581"


def random_model(path: pathlib.Path) -> None:
    """Writes a llama model with one layer, random weights, and bytes as tokens."""
    random = numpy.random.default_rng(1)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(BYTES)] + [BLANK]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL] + [gguf.TokenType.BYTE] * BYTES
    kinds.append(gguf.TokenType.NORMAL)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: ")

    def weights(name: str, *shape: int) -> None:
        writer.add_tensor(name, (random.standard_normal(shape) * 0.05).astype(numpy.float32))

    weights("token_embd.weight", len(tokens), WIDTH)
    weights("output.weight", len(tokens), WIDTH)
    writer.add_tensor("output_norm.weight", numpy.ones(WIDTH, numpy.float32))
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", numpy.ones(WIDTH, numpy.float32))
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            weights(f"blk.{layer}.{part}.weight", WIDTH, WIDTH)
        weights(f"blk.{layer}.ffn_gate.weight", INNER, WIDTH)
        weights(f"blk.{layer}.ffn_up.weight", INNER, WIDTH)
        weights(f"blk.{layer}.ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def serve(model: pathlib.Path) -> xllamacpp.Server:
    """Starts llama.cpp's server on a free port. It runs until this process ends."""
    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    settings.port = 0
    settings.n_ctx, settings.n_parallel, settings.cpuparams.n_threads = CONTEXT, 1, 1
    return xllamacpp.Server(settings)


def campaign(bespoke: str, address: str, folder: pathlib.Path) -> list[dict]:
    """Makes recommendations for the sample customers. Returns the evidence of those that caused a call to the model."""
    model = f'[writer]\nmode = "free"\nfree_without_review = true\n[writer.model]\nenabled = true\nbase_url = "{address}/v1"\nname = "llama"\n'
    limits = "max_tokens = 3000\ndeadline_seconds = 110\nread_seconds = 60\n[local]\nconcurrency = 1\n"
    (folder / "bespoke.toml").write_text(model + limits)
    environment = {"PATH": os.environ["PATH"], "XDG_DATA_HOME": str(folder / "home")}
    environment |= {"BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}
    done = subprocess.run(
        [bespoke, "demo", "--videos", "0", "--json"], cwd=folder, env=environment, stdout=subprocess.PIPE, check=True
    )
    assert json.loads(done.stdout)["customers"]
    records = [json.loads(path.read_text()) for path in folder.rglob("evidence.json")]
    return [record for record in records if record["made_by"] and record["made_by"]["outside"]]


def reached_guard(reason: str | None) -> bool:
    """Returns whether a model's answer matched the schema, given the reason why the phrasebook was used instead."""
    after_parsing = ["the guard found", "a product twice", "recommends nothing"]
    return reason is None or any(phrase in reason for phrase in after_parsing)


def check(record: dict, is_random: bool) -> bool:
    """Checks the evidence for one customer. Returns whether the model's answer matched the schema."""
    made = record["made_by"]
    reason = made["instead_of_model"]
    tokens = made["usage"]["tokens_written"]
    print(f"{made['writer']}: {reason or 'passed'} ({tokens} tokens)")
    assert record["outcome"] == "published"
    assert tokens > 0 or "not complete" in reason, "the evidence counts no tokens"
    if is_random:
        assert made["writer"] == "phrases", "nonsense passed the guard"
    return reached_guard(reason)


def main() -> None:
    bespoke = str(pathlib.Path(sys.argv[1]).resolve())
    own_model = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = own_model or folder / "random.gguf"
        if own_model is None:
            random_model(model)
        server = serve(model)
        records = campaign(bespoke, server.listening_address, folder)
    assert len(records) == 7, f"the model was called for {len(records)} customers, not 7"
    formed = sum(check(record, own_model is None) for record in records)
    assert formed > 0, "no answer matched the schema"
    print(f"{formed} of {len(records)} answers matched the schema")


if __name__ == "__main__":
    main()
