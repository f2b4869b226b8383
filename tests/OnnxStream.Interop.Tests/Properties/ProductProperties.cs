using CsCheck;

namespace OnnxStream.Interop.Tests.Properties;

/// <summary>Products of matrices.</summary>
[NativeMemoryLeakCheck]
public class ProductProperties
{
    private static readonly Gen<long> s_size = Gen.Frequency((8, Gen.Long[1, 9]), (2, Gen.Long[10, 70]), (1, Gen.Const(0L)));

    [Test]
    public void MatMul() => Property.Check(
        from type in Property.OneOf(ElementType.Float32, ElementType.Float32, ElementType.Float64)
        from batch in Gen.Long[1, 3].Array[0, 3]
        from leftBatch in Property.Broadcast(batch)
        from rightBatch in Property.Broadcast(batch)
        // A sum of nothing is zero; ONNX Runtime leaves whatever was there.
        from sizes in Gen.Select(s_size, s_size.Where(size => size > 0), s_size)
        from isVector in Gen.Frequency((6, Gen.Const(0)), (1, Gen.Const(1)), (1, Gen.Const(2)))
        from isConstant in Gen.Bool
        from seed in Property.Numbers
        let left = isVector == 1 ? new[] { sizes.Item2 } : [.. leftBatch, sizes.Item1, sizes.Item2]
        let right = isVector == 2 ? new[] { sizes.Item2 } : [.. rightBatch, sizes.Item2, sizes.Item3]
        select new OperatorTester("MatMul", 13) { Tolerance = 1e-4 }.Input(TestTensors.Random(type, seed, -1, 1, left)).Input(TestTensors.Random(type, seed + 1, -1, 1, right), isConstant).Output(type));

    [Test]
    public void Gemm() => Property.Check(
        from sizes in Gen.Select(Gen.Long[1, 40], Gen.Long[1, 40], Gen.Long[1, 70])
        from transposes in Gen.Select(Gen.Bool, Gen.Bool)
        from scales in Gen.Select(Property.OneOf(1f, 0.5f, -2f), Property.OneOf(1f, 0f, 0.3f))
        from hasAddend in Gen.Bool
        from addend in Property.Broadcast([sizes.Item1, sizes.Item3])
        from isConstant in Gen.Bool
        from seed in Property.Numbers
        select new OperatorTester("Gemm", 13) { Tolerance = 2e-4 }
            .Input(TestTensors.Random(ElementType.Float32, seed, -1, 1, transposes.Item1 ? [sizes.Item2, sizes.Item1] : [sizes.Item1, sizes.Item2]))
            .Input(TestTensors.Random(ElementType.Float32, seed + 1, -1, 1, transposes.Item2 ? [sizes.Item3, sizes.Item2] : [sizes.Item2, sizes.Item3]), isConstant)
            .Input(hasAddend ? TestTensors.Floats(seed + 2, addend) : null).Attribute("transA", transposes.Item1 ? 1 : 0).Attribute("transB", transposes.Item2 ? 1 : 0).Attribute("alpha", scales.Item1).Attribute("beta", scales.Item2));
}
