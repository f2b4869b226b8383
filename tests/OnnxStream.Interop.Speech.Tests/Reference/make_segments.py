"""Writes segments.json: what the rules of Silero's get_speech_timestamps make of probabilities. A file with the function (src/silero_vad/utils_vad.py of
snakers4/silero-vad, or its body without the loop over the model, with which the table was made) is given as the argument; its model is replaced by the list of probabilities, and torch, where it imports it, by a few stand-ins.
Run: python3 make_segments.py utils_vad.py > segments.json
"""
import importlib.util
import json
import math
import random
import sys
import types


class Number(float):
    def item(self):
        return float(self)


class Audio(list):
    shape = (1,)

    def __getitem__(self, key):
        return Audio(list.__getitem__(self, key)) if isinstance(key, slice) else list.__getitem__(self, key)


class Probabilities(list):
    """Called as a model, it gives one probability after the other; some copies of the function take the list itself."""

    def reset_states(self):
        self.at = 0

    def __call__(self, chunk, rate):
        self.at += 1
        return Number(self[self.at - 1])


torch = types.ModuleType("torch")
torch.Tensor, torch.device, torch.jit = list, lambda name: name, None
torch.no_grad = lambda: lambda function: function
torch.is_tensor = lambda value: True
torch.nn = types.SimpleNamespace(functional=types.SimpleNamespace(pad=lambda chunk, by: Audio(list(chunk) + [0.0] * by[1])))
sys.modules["torch"] = torch
sys.modules["torchaudio"] = types.ModuleType("torchaudio")
spec = importlib.util.spec_from_file_location("utils_vad", sys.argv[1])
silero = importlib.util.module_from_spec(spec)
spec.loader.exec_module(silero)

random.seed(3)
options = [
    {}, {"threshold": 0.7}, {"min_speech_duration_ms": 0, "min_silence_duration_ms": 0}, {"speech_pad_ms": 200}, {"speech_pad_ms": 0, "min_silence_duration_ms": 500},
    {"max_speech_duration_s": 3}, {"max_speech_duration_s": 1.5, "min_silence_duration_ms": 400}, {"max_speech_duration_s": 2, "use_max_poss_sil_at_max_speech": False, "min_silence_duration_ms": 300},
    {"neg_threshold": 0.1}, {"threshold": 0.1}, {"sampling_rate": 8000}, {"sampling_rate": 8000, "max_speech_duration_s": 2, "speech_pad_ms": 100},
]
cases = []
for number in range(72):
    given = options[number % len(options)]
    rate = given.get("sampling_rate", 16000)
    window = 512 if rate == 16000 else 256
    count = random.randint(1, 400)
    level, probabilities = random.random(), []
    for _ in range(count):
        if random.random() < 0.08:
            level = random.choice([0.02, 0.3, 0.45, 0.6, 0.95])
        probabilities.append(round(min(1, max(0, random.gauss(level, 0.1))), 3))
    samples = window * count - random.randint(0, window - 1)
    found = silero.get_speech_timestamps(Audio([0.0] * samples), Probabilities(probabilities), **given)
    cases.append({"options": given, "samples": samples, "probabilities": probabilities, "segments": [[s["start"], s["end"]] for s in found]})
print("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]")
