"""usage: report.py TARGET_DIR [N]   writes samples.png (8x8), and report.json (prompts, accuracy on N held-out prompts) into the folder of checkpoints"""
import json, sys
import torch
import check, dataset as D, evaluate as E


def table(js, items):
    out = {}
    for name, keep in (("all prompts", lambda s: True), ("one object", lambda s: s[3] is None), ("two objects", lambda s: s[3] is not None)):
        sub = [j for j, s in zip(js, items) if keep(s)]
        out[name] = {"prompts": len(sub), **{k: round(sum(j[k] for j in sub) / len(sub), 3) for k in sub[0]}}
    return out


if __name__ == "__main__":
    root, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    torch.set_num_threads(2)
    nets, rep = E.load(), {}
    it = D.specs(n, 31337, held=True)
    for name, cfg, steps, anc in (("Euler ancestral, 20 steps, guidance 5", 5.0, 20, True), ("Euler, 12 steps, guidance 5", 5.0, 12, False)):
        x = E.generate(nets, [s[0] for s in it], steps, cfg, 1, anc)
        rep[name] = table(check.accuracy(x, it)[1], it)
        if "samples" not in rep:
            D.save_png(f"{root}/samples.png", x[:64])
            rep["samples"] = [s[0] for s in it[:64]]
        print(name, json.dumps(rep[name]), flush=True)
    with open(f"{E.OUT}/report.json", "w") as f:
        json.dump(rep, f, indent=1)
