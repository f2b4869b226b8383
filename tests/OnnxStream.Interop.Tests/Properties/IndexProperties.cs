using CsCheck;

namespace OnnxStream.Interop.Tests.Properties;

/// <summary>Operators that read or write where indices say.</summary>
[NativeMemoryLeakCheck]
public class IndexProperties
{
    private static readonly Gen<ElementType> s_type = Property.OneOf(ElementType.Float32, ElementType.Int64, ElementType.UInt8);

    private static readonly Gen<ElementType> s_index = Property.OneOf(ElementType.Int64, ElementType.Int32);

    [Test]
    public void Gather() => Property.Check(
        from type in s_type
        from index in s_index
        from shape in Property.FullShape
        from axis in Property.Axis(shape.Length)
        from places in Gen.Long[0, 4].Array[0, 3]
        from seed in Property.Numbers
        let size = shape[(axis + shape.Length) % shape.Length]
        select new OperatorTester("Gather", 13).Input(TestTensors.Random(type, seed, 0, 99, shape)).Input(TestTensors.Random(index, seed + 1, -size, size - 1, places)).Attribute("axis", axis).Output(type));

    [Test]
    public void GatherElements() => Property.Check(
        from type in s_type
        from index in s_index
        from shape in Property.FullShape
        from axis in Property.Axis(shape.Length)
        from fewer in Gen.Long[0, 2].Array[shape.Length]
        from length in Gen.Long[1, 6]
        from seed in Property.Numbers
        let place = (axis + shape.Length) % shape.Length
        let places = shape.Select((size, i) => i == place ? length : Math.Max(1, size - fewer[i])).ToArray()
        select new OperatorTester("GatherElements", 13).Input(TestTensors.Random(type, seed, 0, 99, shape)).Input(TestTensors.Random(index, seed + 1, -shape[place], shape[place] - 1, places)).Attribute("axis", axis).Output(type));

    [Test]
    public void ScatterElements() => Property.Check(
        from reduction in Property.OneOf("none", "add", "mul")
        from shape in Property.FullShape
        from axis in Property.Axis(shape.Length)
        from seed in Property.Numbers
        let place = (axis + shape.Length) % shape.Length
        // One index a line: which of two writes to the same place is the last one, nobody defines.
        let places = shape.Select((size, i) => i == place ? 1 : size).ToArray()
        select new OperatorTester("ScatterElements", 16).Input(TestTensors.Floats(seed, shape)).Input(TestTensors.Random(ElementType.Int64, seed + 1, -shape[place], shape[place] - 1, places)).Input(TestTensors.Floats(seed + 2, places))
            .Attribute("axis", axis).Attribute("reduction", reduction));

    [Test]
    public void GatherND() => Property.Check(
        from type in Property.OneOf(ElementType.Float32, ElementType.Int64)
        from shape in Property.FullShape
        from batch in Gen.Int[0, shape.Length - 1]
        from depth in Gen.Int[1, shape.Length - batch]
        from places in Gen.Long[1, 3].Array[0, 2]
        from seed in Property.Numbers
        let size = shape.Skip(batch).Take(depth).Min()
        select new OperatorTester("GatherND", 13).Input(TestTensors.Random(type, seed, 0, 99, shape)).Input(TestTensors.Random(ElementType.Int64, seed + 1, -size, size - 1, [.. shape[..batch], .. places, depth])).Attribute("batch_dims", batch).Output(type));

    [Test]
    public void ScatterND() => Property.Check(
        from reduction in Property.OneOf("none", "add", "mul")
        from shape in Property.FullShape
        from depth in Gen.Int[1, shape.Length]
        from seed in Property.Numbers
        let size = shape[..depth].Min()
        select new OperatorTester("ScatterND", 16).Input(TestTensors.Floats(seed, shape)).Input(TestTensors.Random(ElementType.Int64, seed + 1, -size, size - 1, 1, depth)).Input(TestTensors.Floats(seed + 2, [1, .. shape[depth..]])).Attribute("reduction", reduction));

    [Test]
    public void OneHot() => Property.Check(
        from shape in Gen.Long[1, 5].Array[1, 3]
        from depth in Gen.Long[1, 6]
        from axis in Property.Axis(shape.Length + 1)
        from seed in Property.Numbers
        select new OperatorTester("OneHot", 11).Input(TestTensors.Random(ElementType.Int64, seed, -depth - 1, depth + 1, shape)).Constant(TensorBuffer.Create<long>([depth])).Constant(TestTensors.Floats(seed + 1, 2)).Attribute("axis", axis));
}
