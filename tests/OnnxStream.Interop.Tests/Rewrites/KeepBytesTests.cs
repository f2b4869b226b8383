namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class KeepBytesTests
{
    private static PassTester Begin(ElementType type, bool isSameScale = true, double tolerance = 0) => new PassTester(13) { Tolerance = tolerance }
        .Input("x", TestTensors.Bytes(type, 1, 2, 19, 6, 5)).Constant("s", TestTensors.Scalar(ElementType.Float32, 0.02)).Constant("z", TestTensors.Scalar(type, 100)).Constant("t", TestTensors.Scalar(ElementType.Float32, isSameScale ? 0.02 : 0.03))
        .Node("DequantizeLinear", "x s z", "f");

    [Test]
    public void Moves([Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values("Reshape", "Transpose", "MaxPool", "Resize", "Slice", "Flatten", "Gather", "Concat")] string move, [Values] bool isSameScale)
    {
        PassTester tester = Begin(type, isSameScale).Integers("shape", 2, 19, 30).Integers("start", 1).Integers("end", 4).Constant("sizes", TestTensors.FromDoubles(ElementType.Float32, [1, 1, 2, 2], 4));
        tester = move switch
        {
            "Reshape" => tester.Node(move, "f shape", "g"),
            "Transpose" => tester.Node(move, "f", "g", ("perm", new[] { 0, 2, 3, 1 })),
            "MaxPool" => tester.Node(move, "f", "g", ("kernel_shape", new[] { 3, 2 }), ("pads", new[] { 1, 0, 1, 1 }), ("strides", new[] { 2, 1 })),
            "Resize" => tester.Node(move, "f - sizes", "g", ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")),
            "Slice" => tester.Node(move, "f start end start", "g"),
            "Flatten" => tester.Node(move, "f", "g"),
            "Gather" => tester.Node(move, "f start", "g", ("axis", 1)),
            _ => tester.Node(move, "f f", "g", ("axis", 1)),
        };
        tester.Node("QuantizeLinear", "g t z", "y").Output("y", type).Has(isSameScale ? 0 : 1, "QuantizeLinear").Check();
    }

    [Test]
    public void WhatIsMovedIsReadElsewhere() => Begin(ElementType.UInt8).Node("Flatten", "f", "g").Node("QuantizeLinear", "g s z", "y").Node("Sin", "g", "v").Output("y", ElementType.UInt8).Output("v").Has(1, "QuantizeLinear").Has(1, "DequantizeLinear");

    [Test]
    public void ScalesThatAreComputed() => Begin(ElementType.UInt8).Input("r", TestTensors.Scalar(ElementType.Float32, 0.02)).Node("Flatten", "f", "g").Node("QuantizeLinear", "g r z", "y").Output("y", ElementType.UInt8).Has(1, "QuantizeLinear").Check();

    [Test]
    public void Sums([Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values("Relu", "Clip", "")] string limit)
    {
        PassTester tester = Begin(type).Input("v", TestTensors.Bytes(type, 3, 2, 19, 6, 5)).Constant("vz", TestTensors.Scalar(type, 7)).Constant("low", TestTensors.Scalar(ElementType.Float32, -0.5)).Node("DequantizeLinear", "v t vz", "g").Node("Add", "f g", limit.Length > 0 ? "a" : "b");
        tester = limit.Length > 0 ? tester.Node(limit, limit == "Clip" ? "a low" : "a", "b") : tester;
        tester.Node("QuantizeLinear", "b t vz", "y").Output("y", type).Becomes("1 onnxstream.QuantizedSum").Check();
    }

    [Test]
    public void SumsOfOtherShapes() => Begin(ElementType.UInt8).Input("v", TestTensors.Bytes(ElementType.UInt8, 3, 19, 1, 1)).Node("DequantizeLinear", "v t z", "g").Node("Add", "f g", "b").Node("QuantizeLinear", "b t z", "y").Output("y", ElementType.UInt8).Has(0, "onnxstream.QuantizedSum").Check();

    // A residual block, channels last from end to end: convolutions, pooling and sum. Where sums are rounded to single precision, another step may be the nearest.
    [Test]
    public void ResidualBlock()
    {
        PassTester tester = Begin(ElementType.UInt8, tolerance: 0.05).Constant("w", TestTensors.Random(ElementType.Int8, 2, -127, 127, 19, 19, 3, 3)).Constant("ws", TestTensors.Scalar(ElementType.Float32, 0.001)).Constant("wz", TestTensors.Scalar(ElementType.Int8, 0));
        tester.Node("DequantizeLinear", "w ws wz", "wf").Node("Conv", "f wf", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("QuantizeLinear", "c t z", "cq").Node("DequantizeLinear", "cq t z", "cf")
            .Node("MaxPool", "cf", "m", ("kernel_shape", new[] { 3, 3 }), ("pads", new[] { 1, 1, 1, 1 })).Node("QuantizeLinear", "m t z", "mq").Node("DequantizeLinear", "mq t z", "mf")
            .Node("Conv", "mf wf", "d", ("pads", new[] { 1, 1, 1, 1 })).Node("QuantizeLinear", "d t z", "dq").Node("DequantizeLinear", "dq t z", "df").Node("Add", "df mf", "a").Node("Relu", "a", "r").Node("QuantizeLinear", "r t z", "rq").Node("DequantizeLinear", "rq t z", "y").Output("y")
            .Becomes("1 DequantizeLinear, 2 Transpose, 1 onnxstream.MaxPool, 2 onnxstream.QuantizedProduct, 1 onnxstream.QuantizedSum").Check();
    }
}
