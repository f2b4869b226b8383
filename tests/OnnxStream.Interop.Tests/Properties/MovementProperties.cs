using CsCheck;

namespace OnnxStream.Interop.Tests.Properties;

/// <summary>Operators that move elements: nothing is computed, so all bits are the same.</summary>
[NativeMemoryLeakCheck]
public class MovementProperties
{
    private static readonly Gen<ElementType> s_type = Property.OneOf(ElementType.Float32, ElementType.Float64, ElementType.Int32, ElementType.Int64, ElementType.UInt8);

    [Test]
    public void Transpose() => Property.Check(
        from type in s_type
        from shape in Property.Shape
        from order in Gen.Shuffle(Enumerable.Range(0, shape.Length).ToArray())
        from seed in Property.Numbers
        select new OperatorTester("Transpose", 13).Input(TestTensors.Random(type, seed, 0, 99, shape)).Attribute("perm", order).Output(type));

    [Test]
    public void Slice() => Property.Check(
        from type in s_type
        from shape in Property.FullShape
        from starts in Gen.Long[-9, 9].Array[shape.Length]
        from ends in Gen.Frequency((4, Gen.Long[-9, 9]), (1, Property.OneOf(long.MaxValue, long.MinValue, int.MaxValue))).Array[shape.Length]
        from steps in Property.OneOf(1L, 1L, 2L, 3L, -1L, -2L).Array[shape.Length]
        from seed in Property.Numbers
        // The largest numbers as the end of a slice that goes backwards mean the border behind; ONNX Runtime takes them for that in front.
        let borders = ends.Select((end, i) => steps[i] < 0 && end >= int.MaxValue ? long.MinValue : end).ToArray()
        select new OperatorTester("Slice", 13).Input(TestTensors.Random(type, seed, 0, 99, shape)).Constant(TestTensors.Integers(starts)).Constant(TestTensors.Integers(borders))
            .Constant(TestTensors.Integers([.. Enumerable.Range(0, shape.Length).Select(axis => (long)axis)])).Constant(TestTensors.Integers(steps)).Output(type));

    [Test]
    public void Pad() => Property.Check(
        from mode in Property.OneOf("constant", "edge", "reflect")
        from shape in Property.Extent.Array[1, 4].Where(shape => shape.Aggregate((a, b) => a * b) <= 2000)
        from pads in Gen.Long[mode == "constant" ? -1 : 0, 3].Array[2 * shape.Length]
        from hasValue in Gen.Bool
        from seed in Property.Numbers
        // A reflection has no more than the tensor has. What is cut off on both sides is there.
        let fitting = pads.Select((pad, i) => mode == "reflect" ? Math.Min(pad, shape[i % shape.Length] - 1) : shape[i % shape.Length] < 2 ? Math.Max(pad, 0) : pad).ToArray()
        let tester = new OperatorTester("Pad", 13).Input(TestTensors.Floats(seed, shape)).Constant(TestTensors.Integers(fitting)).Attribute("mode", mode)
        select hasValue ? tester.Constant(TestTensors.Floats(seed + 1)) : tester);

    [Test]
    public void Concat() => Property.Check(
        from type in s_type
        from shape in Property.Shape.Where(shape => shape.Length > 0)
        from axis in Property.Axis(shape.Length)
        from sizes in Gen.Long[0, 5].Array[1, 5]
        from seed in Property.Numbers
        let place = (axis + shape.Length) % shape.Length
        select Enumerable.Range(0, sizes.Length).Aggregate(
            new OperatorTester("Concat", 13),
            (tester, i) => tester.Input(TestTensors.Random(type, seed + i, 0, 99, [.. shape[..place], sizes[i], .. shape[(place + 1)..]]))).Attribute("axis", axis).Output(type));

    [Test]
    public void Split() => Property.Check(
        from type in s_type
        from shape in Property.FullShape
        from axis in Property.Axis(shape.Length)
        from sizes in Gen.Long[0, 5].Array[1, 4]
        from seed in Property.Numbers
        select sizes.Aggregate(
            new OperatorTester("Split", 13).Input(TestTensors.Random(type, seed, 0, 99, [.. shape.Select((dimension, i) => i == (axis + shape.Length) % shape.Length ? sizes.Sum() : dimension)])).Constant(TestTensors.Integers(sizes)).Attribute("axis", axis),
            (tester, _) => tester.Output(type)));

    [Test]
    public void Reshape() => Property.Check(
        from shape in Property.FullShape
        from kept in Gen.Int[0, shape.Length]
        from open in Gen.Int[0, shape.Length]
        from seed in Property.Numbers
        // Some dimensions are copied, one is left open, the rest is flattened.
        let target = shape[..kept].Select(_ => 0L).Append(-1).Concat(open < kept ? [] : new[] { 1L }).ToArray()
        select new OperatorTester("Reshape", 13).Input(TestTensors.Floats(seed, shape)).Constant(TestTensors.Integers(target)));

    [Test]
    public void Expand() => Property.Check(
        from type in s_type
        from shape in Property.Shape
        from narrow in Property.Broadcast(shape)
        from seed in Property.Numbers
        select new OperatorTester("Expand", 13).Input(TestTensors.Random(type, seed, 0, 99, narrow)).Constant(TestTensors.Integers(shape)).Output(type));

    [Test]
    public void Tile() => Property.Check(
        from type in Property.OneOf(ElementType.Float32, ElementType.Int64, ElementType.UInt8)
        from shape in Property.Dimension.Array[1, 4].Where(shape => shape.Aggregate((a, b) => a * b) <= 500)
        from repeats in Gen.Long[0, 3].Array[shape.Length]
        from seed in Property.Numbers
        select new OperatorTester("Tile", 13).Input(TestTensors.Random(type, seed, 0, 99, shape)).Constant(TestTensors.Integers(repeats)).Output(type));

    [Test]
    public void Blocks() => Property.Check(
        from isInverse in Gen.Bool
        from mode in Property.OneOf("DCR", "CRD")
        from block in Gen.Int[1, 3]
        from sizes in Gen.Long[1, 5].Array[4]
        from seed in Property.Numbers
        let tester = new OperatorTester(isInverse ? "SpaceToDepth" : "DepthToSpace", 13)
            .Input(TestTensors.Floats(seed, isInverse ? [sizes[0], sizes[1], sizes[2] * block, sizes[3] * block] : [sizes[0], sizes[1] * block * block, sizes[2], sizes[3]])).Attribute("blocksize", block)
        select isInverse ? tester : tester.Attribute("mode", mode));
}
