"""A small stand-in for onnx-simplifier: constant folding with numpy, static shapes, and the
no-op passes that matter for these graphs.  Large initializers are never touched, so it works on a
model loaded with load_external_data=False."""
import collections
import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference, TensorProto

SMALL = 1 << 22


def _np_fold(node, a, attrs):
    o = node.op_type
    ax = lambda i, d=None: tuple(int(v) for v in (a[i] if len(a) > i and a[i] is not None else attrs.get("axes", d)))
    if o == "Unsqueeze":
        r = a[0]
        n = r.ndim + len(ax(1))
        for x in sorted(v % n for v in ax(1)):
            r = np.expand_dims(r, x)
        return r
    if o == "Squeeze": return np.squeeze(a[0], axis=ax(1)) if (len(a) > 1 or "axes" in attrs) else np.squeeze(a[0])
    if o == "Gather": return np.take(a[0], a[1], axis=attrs.get("axis", 0))
    if o == "Concat": return np.concatenate(a, axis=attrs["axis"])
    if o == "Cast": return a[0].astype(helper.mapping.TENSOR_TYPE_TO_NP_TYPE[attrs["to"]])
    if o == "Reshape":
        s = [a[0].shape[i] if d == 0 else int(d) for i, d in enumerate(a[1])]
        return a[0].reshape(s)
    if o == "Transpose": return np.transpose(a[0], attrs.get("perm"))
    if o == "Expand": return a[0] * np.ones(a[1], a[0].dtype)
    if o == "ConstantOfShape":
        v = attrs.get("value")
        v = numpy_helper.to_array(v) if v is not None else np.zeros(1, np.float32)
        return np.full(tuple(a[0]), v[0], v.dtype)
    if o == "Range": return np.arange(a[0], a[1], a[2], dtype=a[0].dtype)
    if o == "Shape": return np.array(a[0].shape, np.int64)
    if o == "Identity": return a[0]
    if o == "Where": return np.where(a[0], a[1], a[2])
    if o == "Slice":
        ax_ = [int(v) for v in a[3]] if len(a) > 3 and a[3] is not None else range(len(a[1]))
        st = [int(v) for v in a[4]] if len(a) > 4 and a[4] is not None else [1] * len(a[1])
        sl = [slice(None)] * a[0].ndim
        for x, s, e, k in zip(ax_, a[1], a[2], st):
            sl[x] = slice(int(s), None if (k < 0 and e < -a[0].shape[x]) else int(e), k)
        return a[0][tuple(sl)]
    f = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Exp": np.exp, "Neg": np.negative, "Sqrt": np.sqrt,
         "Equal": np.equal, "Pow": np.power, "Sin": np.sin, "Cos": np.cos, "Floor": np.floor}.get(o)
    if f: return f(*a)
    if o == "Div":
        return (a[0] // a[1]) if np.issubdtype(a[0].dtype, np.integer) else a[0] / a[1]
    return None


def attrs_of(n):
    return {a.name: helper.get_attribute_value(a) for a in n.attribute}


def simplify(model, log=print):
    g = model.graph
    init = {t.name: t for t in g.initializer}
    vals = {}                                    # small constants as numpy

    def small(t):
        return t.data_location != TensorProto.EXTERNAL and np.prod(t.dims, dtype=np.int64) * 8 <= SMALL

    for t in g.initializer:
        if small(t): vals[t.name] = numpy_helper.to_array(t)
    nodes = list(g.node)
    graph_out = {o.name for o in g.output}

    def set_const(name, arr):
        vals[name] = np.asarray(arr)
        init[name] = numpy_helper.from_array(np.ascontiguousarray(arr).reshape(np.shape(arr)), name)

    def write_back():
        del g.node[:]
        g.node.extend(nodes)
        used = {i for n in nodes for i in n.input} | graph_out
        del g.initializer[:]
        g.initializer.extend(t for k, t in init.items() if k in used)
        del g.value_info[:]

    for it in range(12):
        write_back()
        inferred = shape_inference.infer_shapes(model, data_prop=True)
        shp, typ = {}, {}
        for v in list(inferred.graph.value_info) + list(g.input) + list(g.output):
            tt = v.type.tensor_type
            typ[v.name] = tt.elem_type
            if tt.HasField("shape") and all(d.HasField("dim_value") for d in tt.shape.dim):
                shp[v.name] = tuple(d.dim_value for d in tt.shape.dim)
        for k, t in init.items():
            shp[k], typ[k] = tuple(t.dims), t.data_type
        del inferred
        before = len(nodes)
        changed = False
        ren, out, seen, prod, uses = {}, [], {}, {}, collections.Counter(i for n in nodes for i in n.input)
        for n in nodes:
            for i, x in enumerate(n.input):
                while x in ren: x = ren[x]
                n.input[i] = x
            at = attrs_of(n)
            o = n.op_type
            if o == "Constant":
                set_const(n.output[0], numpy_helper.to_array(at["value"])); changed = True; continue
            if o == "Shape" and n.input[0] in shp:
                set_const(n.output[0], np.array(shp[n.input[0]], np.int64)); changed = True; continue
            if n.input and all((not x) or x in vals for x in n.input):
                r = _np_fold(n, [vals[x] if x else None for x in n.input], at)
                if r is not None:
                    set_const(n.output[0], r); changed = True; continue
            si, so = shp.get(n.input[0]), shp.get(n.output[0])
            src = None
            if o in ("Identity", "Dropout"): src = n.input[0]
            elif o == "Cast" and typ.get(n.input[0]) == at["to"]: src = n.input[0]
            elif o in ("Expand", "Slice") and si is not None and si == so: src = n.input[0]
            elif o == "Transpose" and list(at["perm"]) == sorted(at["perm"]): src = n.input[0]
            elif o == "Concat" and len(n.input) == 1: src = n.input[0]
            elif o in ("Mul", "Div", "Add", "Sub") and si is not None:
                unit = 1 if o in ("Mul", "Div") else 0
                b = n.input[1]
                if b in vals and si == so and np.all(vals[b] == unit): src = n.input[0]
                elif o in ("Mul", "Add") and n.input[0] in vals and shp.get(b) == so and np.all(vals[n.input[0]] == unit): src = b
            if src is not None and n.output[0] not in graph_out:
                ren[n.output[0]] = src; changed = True; continue
            p = prod.get(n.input[0]) if n.input else None
            if o == "Reshape":
                if so is not None and (n.input[1] not in vals or tuple(vals[n.input[1]]) != so):
                    nm = n.output[0] + "_shape"
                    set_const(nm, np.array(so, np.int64)); n.input[1] = nm; changed = True
                if p is not None and p.op_type == "Reshape":
                    n.input[0] = p.input[0]; changed = True
            if o == "Transpose" and p is not None and p.op_type == "Transpose":
                pp = list(attrs_of(p)["perm"]); q = [pp[i] for i in at["perm"]]
                n.input[0] = p.input[0]
                del n.attribute[:]; n.attribute.extend([helper.make_attribute("perm", q)]); changed = True
            if o == "Unsqueeze" and p is not None and p.op_type == "Unsqueeze" and uses[n.input[0]] == 1:
                r = len(so)
                axes = lambda m: attrs_of(m)["axes"] if len(m.input) == 1 else vals[m.input[1]]     # an attribute before opset 13
                b = sorted(int(v) % r for v in axes(n))
                a_ = sorted(int(v) % (r - len(b)) for v in axes(p))
                free = [i for i in range(r) if i not in b]
                joined = sorted(b + [free[i] for i in a_])
                n.input[0] = p.input[0]; changed = True
                if len(n.input) == 1:
                    del n.attribute[:]; n.attribute.extend([helper.make_attribute("axes", joined)])
                else:
                    n.input[1] = n.output[0] + "_axes"
                    set_const(n.input[1], np.array(joined, np.int64))
            # common subexpressions
            key = (o, n.domain, tuple((i if i not in vals or vals[i].nbytes > 4096 else (vals[i].tobytes(), str(vals[i].dtype), vals[i].shape)) for i in n.input),
                   tuple(sorted((a.name, a.SerializeToString()) for a in n.attribute)))
            if key in seen and n.output[0] not in graph_out and len(n.output) == len(seen[key].output):
                for x, y in zip(n.output, seen[key].output): ren[x] = y
                changed = True; continue
            seen[key] = n
            out.append(n)
            for x in n.output: prod[x] = n
        # dead code
        need, keep = set(graph_out), []
        for n in reversed(out):
            if any(x in need for x in n.output):
                keep.append(n); need.update(n.input)
        nodes = keep[::-1]
        log(f"  pass {it}: {before} -> {len(nodes)} nodes")
        if not changed and len(nodes) == before: break
    # merge equal small constants, then store inferred shapes
    canon, ren = {}, {}
    for k in list(vals):
        if k in init and vals[k].nbytes <= 4096:
            kk = (vals[k].tobytes(), str(vals[k].dtype), vals[k].shape)
            ren[k] = canon.setdefault(kk, k)
    for n in nodes:
        for i, x in enumerate(n.input): n.input[i] = ren.get(x, x)
    write_back()
    inferred = shape_inference.infer_shapes(model, data_prop=True)
    g.value_info.extend(inferred.graph.value_info)
    return model


def histogram(model):
    return collections.Counter(n.op_type for n in model.graph.node)
