using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Fuzzing.Seeds;

/// <summary>Models with what the cases of the ONNX project lack: functions, external data, nested control flow, weights in panels, and newer operators.</summary>
internal static class Structures
{
    /// <summary>The file of weights that <see cref="All"/> name, beside the model.</summary>
    public const string WeightsFile = "weights.bin";

    /// <summary>The bytes of <see cref="WeightsFile"/>.</summary>
    public const int WeightsBytes = 8192;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<SeedModel> All { get; } = [.. new[] { Functions(), ExternalData(), Nested(), Sequences(), Layers(), DataDependent(), Narrow(), Recurrent(), Decoder() }.Concat(Newer()).Select((model, i) => new SeedModel($"structure/{i}", model, []))];

    private static ModelProto Functions()
    {
        FunctionProto scaled = new() { Name = "Scaled", Domain = "local", Input = { "p", "q" }, Output = { "r" }, Attribute = { "alpha" } };
        NodeProto leaky = new() { OpType = "LeakyRelu", Input = { "p" }, Output = { "t" } };
        leaky.Attribute.Add(new AttributeProto { Name = "alpha", RefAttrName = "alpha", Type = AttributeProto.Types.AttributeType.Float });
        scaled.Node.Add([leaky, new NodeProto { OpType = "Add", Input = { "t", "q" }, Output = { "r" } }]);
        FunctionProto twice = new() { Name = "Twice", Domain = "local", Input = { "p", "q" }, Output = { "r" } };
        NodeProto call = new() { OpType = "Scaled", Domain = "local", Input = { "p", "q" }, Output = { "once" } };
        call.Attribute.Add(OnnxAttribute.Make("alpha", 0.3f));
        twice.Node.Add([call, new NodeProto { OpType = "Mul", Input = { "once", "q" }, Output = { "r" } }]);
        foreach (FunctionProto function in (FunctionProto[])[scaled, twice])
        {
            function.OpsetImport.Add([new OperatorSetIdProto { Version = 18 }, new OperatorSetIdProto { Domain = "local", Version = 1 }]);
        }

        ModelProto model = new ModelBuilder(18, "local").Input("x", ElementType.Float32, 2, 3).Input("y", ElementType.Float32, 2, 3)
            .Node("local", "Scaled", "x y", "a", ("alpha", 0.1f)).Node("local", "Twice", "a y", "b").Node("Neg", "b", "o").Output("o").Build();
        model.Functions.Add([scaled, twice]);
        return model;
    }

    private static ModelProto ExternalData()
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 3, 40).Node("MatMul", "x w", "a").Node("Add", "a b", "o").Output("o");
        builder.Graph.Initializer.Add([External("w", 0, 40, 32), External("b", 5120, 32)]);
        return builder.Build();
    }

    private static TensorProto External(string name, long offset, params long[] dimensions)
    {
        TensorProto tensor = new() { Name = name, DataType = (int)ElementType.Float32, DataLocation = TensorProto.Types.DataLocation.External };
        tensor.Dims.Add(dimensions);
        tensor.ExternalData.Add(
        [
            new StringStringEntryProto { Key = "location", Value = WeightsFile }, new StringStringEntryProto { Key = "offset", Value = $"{offset}" },
            new StringStringEntryProto { Key = "length", Value = $"{4 * dimensions.Aggregate((a, b) => a * b)}" },
        ]);
        return tensor;
    }

    // A loop in a branch in a loop, which read values of all that is around them.
    private static ModelProto Nested()
    {
        GraphProto inner = new ModelBuilder(17).Input("i2", ElementType.Int64).Input("c2", ElementType.Bool).Input("v2", ElementType.Float32, 4)
            .Node("Add", "v2 x", "s2").Node("Identity", "c2", "go2").Node("Mul", "s2 v", "p2").Output("go2", ElementType.Bool).Output("s2").Output("p2").Graph;
        GraphProto then = new ModelBuilder(17).Node("Loop", "three - v", "t collected", ("body", inner)).Output("t").Graph;
        GraphProto otherwise = new ModelBuilder(17).Node("Neg", "v", "n").Output("n").Graph;
        GraphProto outer = new ModelBuilder(17).Input("i", ElementType.Int64).Input("c", ElementType.Bool).Input("v", ElementType.Float32, 4)
            .Node("Cast", "i", "odd", ("to", (int)ElementType.Bool)).Node("If", "odd", "w", ("then_branch", then), ("else_branch", otherwise))
            .Node("Identity", "c", "go").Output("go", ElementType.Bool).Output("w").Graph;
        return new ModelBuilder(17).Input("x", ElementType.Float32, 4).Initializer("three", TensorBuffer.Create<long>([3])).Initializer("yes", TensorBuffer.Create<bool>([true]))
            .Node("Loop", "three yes x", "o", ("body", outer)).Output("o").Build();
    }

    // A sequence that is given grows in a loop, is mapped, read at places that are data, and put together; an optional tensor is asked about.
    private static ModelProto Sequences()
    {
        GraphProto body = new ModelBuilder(18).Input("i", ElementType.Int64).Input("c", ElementType.Bool).Other(true, "t", ElementType.Float32, true, false, -1)
            .Node("SequenceInsert", "t x i", "longer").Node("Identity", "c", "go").Output("go", ElementType.Bool).SequenceOutput("longer").Graph;
        GraphProto map = new ModelBuilder(18).Input("a", ElementType.Float32, -1).Node("Mul", "a x", "b").Output("b").Graph;
        GraphProto then = new ModelBuilder(18).Node("OptionalGetElement", "maybe", "got").Output("got").Graph;
        GraphProto otherwise = new ModelBuilder(18).Node("SequenceAt", "mapped place", "read").Output("read").Graph;
        return new ModelBuilder(18).SequenceInput("s", ElementType.Float32, 4).Other(true, "maybe", ElementType.Float32, false, true, 4).Input("x", ElementType.Float32, 4).Input("place", ElementType.Int64).Initializer("three", TensorBuffer.Create<long>([3])).Initializer("yes", TensorBuffer.Create<bool>([true]))
            .Node("Loop", "three yes s", "grown", ("body", body)).Node("SequenceMap", "grown", "mapped", ("body", map)).Node("OptionalHasElement", "maybe", "has").Node("If", "has", "one", ("then_branch", then), ("else_branch", otherwise))
            .Node("SequenceErase", "mapped", "shorter").Node("ConcatFromSequence", "shorter", "whole", ("axis", 0L)).Node("SplitToSequence", "whole", "parts", ("keepdims", 0L)).Node("SequenceLength", "parts", "length")
            .Output("one").Output("length", ElementType.Int64).SequenceOutput("parts").Build();
    }

    // Every kind of layer whose weights are streamed in panels.
    private static ModelProto Layers() => new ModelBuilder(17)
        .Input("x", ElementType.Float32, 1, 8, 30, 30)
        .Initializer("k", Floats(16, 8, 3, 3)).Initializer("kb", Floats(16)).Initializer("d", Floats(16, 1, 3, 3)).Initializer("u", Floats(16, 4, 2, 2)).Initializer("p", Floats(12, 4, 1, 1))
        .Initializer("m", Floats(30, 24)).Initializer("g", Floats(20, 24)).Initializer("gb", Floats(20))
        .Node("Conv", "x k kb", "a", ("pads", new[] { 1, 1, 1, 1 })).Node("Relu", "a", "r").Node("Conv", "r d", "b", ("group", 16), ("strides", new[] { 2, 2 }))
        .Node("ConvTranspose", "b u", "c", ("strides", new[] { 2, 2 })).Node("Conv", "c p", "q").Node("Resize", "q - scales", "z", ("mode", "nearest"))
        .Initializer("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4))
        .Node("MaxPool", "z", "mp", ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 })).Node("AveragePool", "mp", "ap", ("kernel_shape", new[] { 3, 3 }), ("pads", new[] { 1, 1, 1, 1 }))
        .Node("Slice", "ap from to axes", "cut").Initializer("from", Integers(0)).Initializer("to", Integers(-1)).Initializer("axes", Integers(3))
        .Node("Transpose", "z", "zt", ("perm", new[] { 0, 1, 3, 2 })).Node("Reshape", "x rows", "xr").Initializer("rows", Integers(-1, 30)).Node("MatMul", "xr m", "mm").Node("Gemm", "mm g gb", "o", ("transB", 1))
        .Node("Softmax", "o", "s").Node("ReduceMean", "s", "mean", ("axes", new[] { 1 })).Output("mean").Output("cut").Output("zt").Build();

    // Shapes that depend on what is computed.
    private static ModelProto DataDependent() => new ModelBuilder(17)
        .Input("x", ElementType.Float32, 4, -1).Input("n", ElementType.Int64, 1)
        .Node("NonZero", "x", "z").Node("Transpose", "z", "t").Node("GatherND", "x t", "g").Node("TopK", "g n", "top places").Node("Shape", "top", "size")
        .Node("ConstantOfShape", "size", "zeros").Node("Concat", "top zeros", "o", ("axis", 0)).Node("Range", "start end step", "r").Initializer("start", TensorBuffer.Create<long>([0]))
        .Initializer("end", TensorBuffer.Create<long>([9])).Initializer("step", TensorBuffer.Create<long>([2])).Node("Unique", "places", "u").Node("Expand", "u size", "e").Node("Tile", "r n", "tiled")
        .Output("o").Output("e", ElementType.Int64).Output("tiled", ElementType.Int64).Build();

    // Weights of types that several elements share a byte of, floats of 8 bits, and brain floats, each in and out of its type.
    private static ModelProto Narrow()
    {
        ModelBuilder builder = new ModelBuilder(28).Input("x", ElementType.Float32, 5, 6).Input("scale", ElementType.Float32);
        ElementType[] types =
        [
            ElementType.Float8E4M3FN, ElementType.Float8E4M3FNUZ, ElementType.Float8E5M2, ElementType.Float8E5M2FNUZ, ElementType.Float4E2M1, ElementType.UInt4, ElementType.Int4, ElementType.UInt2, ElementType.Int2,
        ];
        foreach (ElementType type in types)
        {
            string name = type.ToOnnxName();
            builder.Initializer($"{name}.w", new TensorBuffer(type, new Shape(6, 3))).Initializer($"{name}.scale", TensorBuffer.Create<float>([0.5f, 0.25f, 2], 3)).Initializer($"{name}.zero", new TensorBuffer(type, new Shape()))
                .Node("DequantizeLinear", $"{name}.w {name}.scale", $"{name}.d", ("axis", 1)).Node("MatMul", $"x {name}.d", $"{name}.m").Output($"{name}.m")
                .Node("QuantizeLinear", $"x scale {name}.zero", $"{name}.q").Node("Cast", $"{name}.q", $"{name}.c", ("to", (int)ElementType.Float32)).Output($"{name}.c")
                .Node("Cast", "x", $"{name}.y", ("to", (int)type)).Node("Transpose", $"{name}.y", $"{name}.t").Output($"{name}.t", type);
        }

        return builder.Node("Cast", "x", "b", ("to", (int)ElementType.BFloat16)).Node("Add", "b b", "bb").Node("Softmax", "bb", "bs").Output("bs", ElementType.BFloat16).Build();
    }

    // Outputs that a session can carry to the next run, of a shape that stays.
    private static ModelProto Recurrent() => new ModelBuilder(17).Input("x", ElementType.Float32, 2, 1, 4).Input("h", ElementType.Float32, 1, 1, 5).Input("c", ElementType.Float32, 1, 1, 5).Input("n", ElementType.Int64)
        .Initializer("w", Floats(1, 20, 4)).Initializer("r", Floats(1, 20, 5)).Initializer("one", TensorBuffer.Create<long>([1]))
        .Node("LSTM", "x w r - - h c", "y hn cn", ("hidden_size", 5)).Node("Add", "n one", "nn").Output("hn").Output("cn").Output("nn", ElementType.Int64).Output("y").Build();

    // And of one that grows.
    private static ModelProto Decoder() => new ModelBuilder(17).Input("x", ElementType.Float32, 1, -1, 8).Input("past.key", ElementType.Float32, 1, -1, 8).Input("past.value", ElementType.Float32, 1, -1, 8)
        .Initializer("wq", Floats(8, 8)).Initializer("wk", Floats(8, 8)).Initializer("wv", Floats(8, 8))
        .Node("MatMul", "x wq", "q").Node("MatMul", "x wk", "k").Node("MatMul", "x wv", "v").Node("Concat", "past.key k", "present.key", ("axis", 1)).Node("Concat", "past.value v", "present.value", ("axis", 1))
        .Node("Transpose", "present.key", "kt", ("perm", new[] { 0, 2, 1 })).Node("MatMul", "q kt", "s").Node("Softmax", "s", "p").Node("MatMul", "p present.value", "y")
        .Output("present.key").Output("present.value").Output("y").Build();

    private static IEnumerable<ModelProto> Newer() =>
    [
        Single(23, "", "Attention", [Shape(2, 4, 5, 8), Shape(2, 2, 7, 8), Shape(2, 2, 7, 6), Shape(5, 7)], ("is_causal", 1), ("softcap", 1.5f)),
        Single(23, "", "Attention", [Shape(2, 5, 24), Shape(2, 7, 12), Shape(2, 7, 10)], ("q_num_heads", 4), ("kv_num_heads", 2)),
        Single(23, "", "RMSNormalization", [Shape(2, 5, 24), Shape(24)], ("axis", -1)),
        Single(23, "", "RotaryEmbedding", [Shape(2, 3, 5, 8), Shape(2, 5, 4), Shape(2, 5, 4)], ("interleaved", 1)),
        Single(21, "", "GroupNormalization", [Shape(2, 6, 5, 4), Shape(6), Shape(6)], ("num_groups", 3)),
        Single(20, "", "Gelu", [Shape(2, 5)], ("approximate", "tanh")),
        Single(24, "", "Swish", [Shape(2, 5)], ("alpha", 0.5f)),
        Single(17, "com.microsoft", "MatMulNBits", [Shape(2, 3, 32), TensorBuffer.Create(new byte[12 * 16], 12, 1, 16), Floats(12)], ("K", 32), ("N", 12), ("bits", 4), ("block_size", 32)),
        Single(17, "com.microsoft", "MultiHeadAttention", [Shape(2, 5, 24), Shape(2, 7, 24), Shape(2, 7, 12), Floats(60)], ("num_heads", 3)),
        Single(17, "com.microsoft", "GroupQueryAttention", [Shape(2, 3, 64), Shape(2, 3, 32), Shape(2, 3, 32), null, null, TensorBuffer.Create<int>([2, 2], 2), TensorBuffer.Create<int>([3])], ("num_heads", 4), ("kv_num_heads", 2)),
        Single(17, "com.microsoft", "SkipLayerNormalization", [Shape(2, 5, 24), Shape(2, 5, 24), Floats(24), Floats(24), Floats(24)], ("epsilon", 1e-5f)),
        Single(17, "com.microsoft", "FusedMatMul", [Shape(2, 30, 5), Floats(30, 20)], ("transA", 1), ("alpha", 0.5f)),
        Single(17, "com.microsoft", "BiasGelu", [Shape(2, 24), Floats(24)]),
        Single(17, "com.microsoft", "QuickGelu", [Shape(2, 24)], ("alpha", 1.7f)),
        Single(17, "com.microsoft", "RotaryEmbedding", [Shape(2, 5, 24), Integers(3), Floats(20, 4), Floats(20, 4)]),
    ];

    // One node on inputs of these shapes and constants; null leaves one out.
    private static ModelProto Single(int operatorSet, string domain, string operatorType, object?[] inputs, params (string Name, object Value)[] attributes)
    {
        ModelBuilder builder = new(operatorSet, domain);
        string[] names = new string[inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            names[i] = inputs[i] is null ? "-" : $"i{i}";
            _ = inputs[i] switch
            {
                TensorBuffer tensor => builder.Initializer(names[i], tensor),
                Shape shape => builder.Input(names[i], ElementType.Float32, shape.ToArray()),
                _ => builder,
            };
        }

        return builder.Node(domain, operatorType, string.Join(' ', names), "o", attributes).Output("o").Build();
    }

    private static Shape Shape(params ReadOnlySpan<long> dimensions) => new(dimensions);

    private static TensorBuffer Integers(params long[] values) => TensorBuffer.Create<long>(values, values.Length);

    private static TensorBuffer Floats(params long[] dimensions)
    {
        TensorBuffer tensor = new(ElementType.Float32, new Shape(dimensions));
        Span<float> elements = tensor.Span<float>();
        for (int i = 0; i < elements.Length; i++)
        {
            elements[i] = MathF.Sin(i) / 2;
        }

        return tensor;
    }
}
