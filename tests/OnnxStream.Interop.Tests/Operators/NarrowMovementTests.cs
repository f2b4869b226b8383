using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Numbers of 8 bits and less are moved as bytes are: every operator that moves does the same to them as to uint8.</summary>
[NativeMemoryLeakCheck]
public class NarrowMovementTests
{
    private static readonly string[] s_forms =
    [
        "Identity", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Concat", "Slice", "SliceBackwards", "Split", "Gather", "GatherElements", "GatherND", "Expand", "Tile", "Where",
        "Pad", "PadEdge", "PadReflect", "PadWrap", "PadValue", "DepthToSpace", "SpaceToDepth", "ScatterElements", "ScatterND", "Compress", "ReverseSequence", "Trilu", "CenterCropPad", "TensorScatter",
        "If", "Loop", "Scan", "ConstantOfShape", "Shape", "Size", "Dropout",
    ];

    private static IEnumerable<ElementType> Types => NarrowFormat.Types.Concat(NarrowFormat.Integers.Select(integers => integers.Type));

    [Test]
    public void AsBytesAre([ValueSource(nameof(Types))] ElementType type, [ValueSource(nameof(s_forms))] string form, [Values] bool isConstant)
    {
        Dictionary<string, TensorBuffer> bytes = Run(ElementType.UInt8, form, isConstant);
        Dictionary<string, TensorBuffer> narrow = Run(type, form, isConstant);
        foreach ((string name, TensorBuffer expected) in bytes)
        {
            ElementType wanted = expected.ElementType == ElementType.UInt8 ? type : expected.ElementType;
            Assert.That(narrow[name].Type, Is.EqualTo(expected.Type with { ElementType = wanted }), name);
            Assert.That(narrow[name].Bytes.ToArray(), Is.EqualTo(expected.Bytes.ToArray()), name);
        }
    }

    private static Dictionary<string, TensorBuffer> Run(ElementType type, string form, bool isConstant)
    {
        // 0 and 1 are elements of all types.
        TensorBuffer x = Bits(type, 1, 2, 4, 6, 8);
        ModelBuilder builder = new(24);
        Dictionary<string, TensorBuffer> inputs = [];
        if (isConstant)
        {
            builder.Initializer("x", x);
        }
        else
        {
            builder.Input("x", type, x.Shape.ToArray());
            inputs.Add("x", x);
        }

        ElementType output = type;
        string outputs = "o";
        switch (form)
        {
            case "Identity" or "Dropout":
                builder.Node(form, "x", "o");
                break;
            case "Reshape":
                builder.Initializer("s", TestTensors.Integers(8, -1, 2)).Node(form, "x s", "o");
                break;
            case "Transpose":
                builder.Node(form, "x", "o", ("perm", new long[] { 3, 0, 2, 1 }));
                break;
            case "Flatten":
                builder.Node(form, "x", "o", ("axis", 2L));
                break;
            case "Squeeze":
                builder.Initializer("a", TestTensors.Integers(0, 3)).Node("Unsqueeze", "x a", "u").Node(form, "u a", "o");
                break;
            case "Unsqueeze":
                builder.Initializer("a", TestTensors.Integers(0, -1)).Node(form, "x a", "o");
                break;
            case "Concat":
                builder.Initializer("y", Bits(type, 2, 2, 3, 6, 8)).Node(form, "x y x", "o", ("axis", 1L));
                break;
            case "Slice" or "SliceBackwards":
                builder.Initializer("b", TestTensors.Integers(1, form == "Slice" ? 0 : 7)).Initializer("e", TestTensors.Integers(5, form == "Slice" ? 7 : 1)).Initializer("a", TestTensors.Integers(2, 3)).Initializer("t", TestTensors.Integers(1, form == "Slice" ? 3 : -2)).Node("Slice", "x b e a t", "o");
                break;
            case "Split":
                outputs = "o p q";
                builder.Initializer("s", TestTensors.Integers(1, 4, 1)).Node(form, "x s", outputs, ("axis", 2L));
                break;
            case "Gather":
                builder.Initializer("i", TestTensors.Integers(3, 0, -1)).Node(form, "x i", "o", ("axis", 1L));
                break;
            case "GatherElements":
                builder.Initializer("i", TestTensors.FromDoubles(ElementType.Int64, [3, 0, -1, 2], 2, 1, 1, 2)).Node(form, "x i", "o", ("axis", 2L));
                break;
            case "GatherND":
                builder.Initializer("i", TestTensors.FromDoubles(ElementType.Int64, [1, 3, 0, 2], 2, 2)).Node(form, "x i", "o");
                break;
            case "Expand":
                builder.Initializer("s", TestTensors.Integers(3, 1, 1, 1, 1)).Node(form, "x s", "o");
                break;
            case "Tile":
                builder.Initializer("r", TestTensors.Integers(1, 2, 3, 1)).Node(form, "x r", "o");
                break;
            case "Where":
                builder.Initializer("c", TestTensors.Random(ElementType.Bool, 3, -1, 1, 4, 1, 8)).Initializer("y", Bits(type, 2, 8)).Node(form, "c x y", "o");
                break;
            case "Pad" or "PadEdge" or "PadReflect" or "PadWrap" or "PadValue":
                builder.Initializer("p", TestTensors.Integers(0, 1, 0, 3, 0, 0, -1, 2)).Initializer("v", Bits(type, 7)).Node("Pad", form == "PadValue" ? "x p v" : "x p", "o", ("mode", form is "Pad" or "PadValue" ? "constant" : form[3..].ToLowerInvariant()));
                break;
            case "DepthToSpace" or "SpaceToDepth":
                builder.Node(form, "x", "o", ("blocksize", 2L));
                break;
            case "ScatterElements":
                builder.Initializer("i", TestTensors.FromDoubles(ElementType.Int64, [3, 0], 1, 1, 1, 2)).Initializer("y", Bits(type, 2, 1, 1, 1, 2)).Node(form, "x i y", "o", ("axis", 2L));
                break;
            case "ScatterND":
                builder.Initializer("i", TestTensors.FromDoubles(ElementType.Int64, [1, 3, 0, 2], 2, 2)).Initializer("y", Bits(type, 2, 2, 6, 8)).Node(form, "x i y", "o");
                break;
            case "Compress":
                builder.Initializer("c", TensorBuffer.Create<bool>([true, false, true, true], 4)).Node(form, "x c", "o", ("axis", 1L));
                break;
            case "ReverseSequence":
                builder.Initializer("l", TestTensors.Integers(2, 1, 2, 1)).Node(form, "x l", "o", ("time_axis", 0L), ("batch_axis", 1L));
                break;
            case "Trilu":
                builder.Node(form, "x", "o", ("upper", 0L));
                break;
            case "CenterCropPad":
                builder.Initializer("s", TestTensors.Integers(2, 6, 3, 9)).Node(form, "x s", "o");
                break;
            case "TensorScatter":
                builder.Initializer("y", Bits(type, 2, 2, 4, 2, 8)).Initializer("i", TestTensors.Integers(1, 3)).Node(form, "x y i", "o");
                break;
            case "If":
                builder.Input("c", ElementType.Bool).Node(form, "c", "o", ("then_branch", Branch(type, "Identity", "x")), ("else_branch", Branch(type, "Transpose", "x")));
                inputs.Add("c", TensorBuffer.Create<bool>([false]));
                break;
            case "Loop":
                outputs = "o p";
                builder.Initializer("n", TensorBuffer.Create<long>([3])).Node(form, "n - x", outputs, ("body", Body(type)));
                break;
            case "Scan":
                outputs = "o p";
                builder.Initializer("first", Bits(type, 4, 4, 6, 8)).Node(form, "first x", outputs, ("num_scan_inputs", 1L), ("body", ScanBody(type)));
                break;
            case "ConstantOfShape":
                builder.Initializer("s", TestTensors.Integers(3, 5)).Node(form, "s", "c", ("value", Bits(type, 2, 1))).Node("Identity", "c", "o");
                break;
            case "Shape" or "Size":
                output = ElementType.Int64;
                builder.Node(form, "x", "o");
                break;
            default:
                throw new ArgumentException(form);
        }

        foreach (string name in outputs.Split(' '))
        {
            builder.Output(name, output);
        }

        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = 2 });
        RunResult result = session.Run(inputs);
        return outputs.Split(' ').ToDictionary(name => name, name => result[name]);
    }

    private static GraphProto Branch(ElementType type, string operatorType, string input) => new ModelBuilder(24).Node(operatorType, input, "b").Output("b", type).Graph;

    private static GraphProto Body(ElementType type) => new ModelBuilder(24).Input("i", ElementType.Int64).Input("c", ElementType.Bool).Input("v", type, 2, 4, 6, 8)
        .Node("Identity", "c", "d").Node("Concat", "last v", "joined", ("axis", 2L)).Initializer("last", Bits(type, 5, 2, 4, 1, 8))
        .Initializer("b", TestTensors.Integers(0)).Initializer("e", TestTensors.Integers(6)).Initializer("a", TestTensors.Integers(2)).Node("Slice", "joined b e a", "w").Node("Identity", "w", "s")
        .Output("d", ElementType.Bool).Output("w", type).Output("s", type).Graph;

    private static GraphProto ScanBody(ElementType type) => new ModelBuilder(24).Input("v", type, 4, 6, 8).Input("e", type, 4, 6, 8)
        .Node("Identity", "e", "w").Node("Identity", "v", "s").Output("w", type).Output("s", type).Graph;

    private static TensorBuffer Bits(ElementType type, int seed, params long[] dimensions)
    {
        TensorBuffer tensor = new(type, new Shape(dimensions));
        Random random = new(seed);
        foreach (ref byte element in tensor.Bytes)
        {
            element = (byte)random.Next(2);
        }

        return tensor;
    }
}
